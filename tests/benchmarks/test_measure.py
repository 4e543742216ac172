"""Repeated timing, and files of results."""

from __future__ import annotations

import json

from benchmarks import measure
from benchmarks.measure import Timing, in_turn, rounds, save, timing


def test_median_and_bounds():
    assert timing([3.0, 1.0, 8.0]) == Timing(3.0, 1.0, 8.0, 3)


def test_rounds_go_in_turn_and_leave_the_first_out():
    order, values = [], iter([9.0, 9.0, 1.0, 10.0, 3.0, 30.0])

    def call(name):
        order.append(name)
        return next(values)

    taken = rounds({"a": lambda: call("a"), "b": lambda: call("b")}, 2)
    assert order == ["a", "b"] * 3
    assert taken == {"a": Timing(2.0, 1.0, 3.0, 2), "b": Timing(20.0, 10.0, 30.0, 2)}


def test_in_turn_times_every_call_after_one_that_it_does_not():
    calls = []
    taken = in_turn({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 3)
    assert calls == ["a", "a", "b", "b"] * 4
    assert all(timing.runs == 3 and 0 <= timing.lowest <= timing.highest for timing in taken.values())


def test_a_result_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    path = save("name", {"cores": 2}, {"call": Timing(1.0, 0.5, 2.0, 3)}, more={"figures": []})
    assert list(tmp_path.iterdir()) == [path]
    content = json.loads(path.read_text())
    assert content["milliseconds"]["call"]["median"] == 1.0
    assert content["figures"] == [] and content["machine"] == {"cores": 2}
