"""Loops that count nothing compute the same, and count nothing."""

from __future__ import annotations

import pytest

from benchmarks.accounting import compare
from benchmarks.settings import Settings


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny", "conv"])
def test_both_sides_predict_alike_and_one_counts(name) -> None:
    """Half a minute each, to compile every loop twice."""
    outcome = compare(name, Settings(repeats=1))
    assert not outcome.failures
    assert [figure.name for figure in outcome.figures] == [name]
    assert len(outcome.timings) == 2
