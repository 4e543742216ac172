"""Bars, and what is printed of them."""

from __future__ import annotations

from benchmarks.measure import Timing
from benchmarks.outcome import Figure, Outcome, render, together, values


def test_a_bar_is_reached_from_its_own_side():
    assert Figure("speed", 12.0, bar=12).met
    assert not Figure("speed", 11.99, bar=12).met
    assert Figure("growth", 100.0, "MiB", 100, at_most=True).met
    assert not Figure("growth", 100.1, "MiB", 100, at_most=True).met
    assert Figure("printed", 3.0).met is None


def test_a_table_says_what_is_met_what_not_and_what_is_wrong():
    outcome = Outcome(
        "title",
        (Figure("fast", 1500.4, bar=1500), Figure("slow", 7.0, "%", 50), Figure("large", 3.0, "%", 2, True)),
        notes=("a note",),
        failures=("spikes differ",),
        skipped=("a case: no file",),
    )
    lines = render(outcome).splitlines()
    assert lines[0] == "title"
    assert [line.split() for line in lines[3:6]] == [
        ["fast", "1,500", "x", ">=", "1,500", "x", "met"],
        ["slow", "7", "%", ">=", "50", "%", "NOT", "MET"],
        ["large", "3", "%", "<=", "2", "%", "NOT", "MET"],
    ]
    assert lines[6:] == ["  a note", "  skipped: a case: no file", "  WRONG: spikes differ"]


def test_parts_become_one():
    timing = Timing(1.0, 1.0, 1.0, 1)
    first = Outcome("a", (Figure("x", 1.0),), {"x": timing}, ("n",), (), ("s",))
    second = Outcome("b", (Figure("y", 2.0, bar=1),), {"y": timing}, (), ("f",))
    whole = together("both", [first, second], ["top"])
    assert [figure.name for figure in whole.figures] == ["x", "y"]
    assert set(whole.timings) == {"x", "y"}
    assert (whole.notes, whole.failures, whole.skipped) == (("top", "n"), ("f",), ("s",))
    assert [figure["met"] for figure in values(whole)["figures"]] == [None, True]
