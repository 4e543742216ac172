from __future__ import annotations

import numpy as np
import pytest

from lavarobust.attacks import Queries, QueryResult, accuracy_over_queries
from lavarobust.errors import DataError


def test_accuracy_over_queries_counts_who_withstood_them():
    nothing = np.zeros(4, dtype=np.int64)
    found = QueryResult(
        images=np.zeros((4, 1, 1, 1), np.float32),
        fooled=np.array([True, True, False, True]),
        prediction=nothing,
        loss=np.zeros(4),
        first_loss=np.zeros(4),
        gradients=nothing,
        zero_gradients=nothing,
        queries=Queries(),
        asked=np.array([0, 3, 10, 10]),
    )
    clean = np.array([False, True, True, True])
    accuracy = accuracy_over_queries(found, clean, [0, 2, 3, 9, 10, 99])
    np.testing.assert_array_equal(accuracy, [0.75, 0.75, 0.5, 0.5, 0.25, 0.25])
    # a sample that is wrong where it is executed counts as wrong from the start
    np.testing.assert_array_equal(accuracy_over_queries(found, ~clean, [0]), [0.0])
    with pytest.raises(DataError, match="Give one each"):
        accuracy_over_queries(found, clean[:3], [0])
