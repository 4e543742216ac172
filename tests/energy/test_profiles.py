"""What a profile answers about its prices."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from lavarobust.energy.profiles import LIMIT_UNITS, LimitName, Price, Profile, weakest

DENSE = Price(2.0, "pJ", "INT8", "a paper", "measured", "per-term", {"conv": 1.5})


def test_a_price_may_depend_on_the_kind_of_layer() -> None:
    profile = Profile("mine", "mine", 28.0, 0.8, {"accumulate": DENSE})
    assert profile.price("accumulate") == DENSE
    assert profile.price("accumulate", "dense") == DENSE
    assert profile.price("accumulate", "conv") == replace(DENSE, value=1.5)
    assert profile.price("multiply_accumulate", "conv") is None


def test_the_weakest_grade_wins() -> None:
    assert weakest(["measured", "derived", "simulated"]) == "derived"
    assert weakest(["measured"]) == "measured"


def test_every_limit_has_a_unit() -> None:
    assert set(LIMIT_UNITS) == set(get_args(LimitName))
