"""A sample of the differential fuzzing that ``python -m benchmarks.parity`` does at length."""

from __future__ import annotations

import pytest

pytest.importorskip("lava.magma")
from benchmarks.parity.attempt import attempt
from benchmarks.parity.summary import Summary

SEED, NETWORKS = 2024, 20


@pytest.fixture(scope="module")
def attempts():
    return [attempt(SEED, index, report=print) for index in range(NETWORKS)]


def test_random_full_range_networks_are_the_same_on_both_sides(attempts):
    assert [(each.index, each.differences) for each in attempts if each.differences] == []
    assert not [each.index for each in attempts if each.result == "failed"]


def test_most_networks_count_and_exercise_what_they_should(attempts):
    summary = Summary.of(attempts)
    assert summary.results["counted"] >= NETWORKS / 2
    for feature in ("dense", "conv", "recurrent", "delay", "stride", "dilation", "groups", "bias", "decay"):
        assert summary.coverage[feature] > 0, feature
    assert summary.coverage["signed"] and summary.coverage["graded"]
