"""Repeated timing, and files of results."""

from __future__ import annotations

import itertools
import json
import time
from functools import partial

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


def test_in_turn_warms_every_call_up_and_times_it_in_a_row(monkeypatch):
    monkeypatch.setattr(measure, "WARMING", 0.004)
    monkeypatch.setattr(measure, "MOST", 3)
    calls = []

    def call(name, seconds):
        calls.append(name)
        time.sleep(seconds)

    taken = in_turn({"long": partial(call, "long", 0.01), "short": partial(call, "short", 0.0005)}, 2)
    turns = [(name, len(list(group))) for name, group in itertools.groupby(calls)]
    assert [name for name, _ in turns] == ["long", "short"] * 3
    # one warms up and one is timed; of the short ones several warm up and at most three are timed
    assert all(count == 2 if name == "long" else 5 <= count <= 11 for name, count in turns)
    assert taken["long"].lowest >= 10 > taken["short"].median >= 0.5


def test_a_result_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    path = save("name", {"cores": 2}, {"call": Timing(1.0, 0.5, 2.0, 3)}, more={"figures": []})
    assert list(tmp_path.iterdir()) == [path]
    content = json.loads(path.read_text())
    assert content["milliseconds"]["call"]["median"] == 1.0
    assert content["figures"] == [] and content["machine"] == {"cores": 2}
