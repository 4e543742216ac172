"""Spread and peak memory."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.memory import forget_peak, peak
from benchmarks.scaling import spread


def test_spread_is_slowest_above_fastest():
    assert spread([1.0, 1.1, 1.05]) == pytest.approx(10.0)
    assert spread([2.0, 2.0]) == 0.0


def test_the_peak_of_an_array_that_is_gone_is_seen_and_forgotten():
    forget_peak()
    before = peak()
    # so much that what other tests let go of meanwhile does not count
    array = np.ones(400 << 20, dtype=np.uint8)
    del array
    assert peak() >= before + 300
    forget_peak()
    assert peak() < before + 200
