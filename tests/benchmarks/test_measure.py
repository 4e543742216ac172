"""Repeated timing, and files of results."""

from __future__ import annotations

import itertools
import json
from functools import partial
from types import SimpleNamespace

import pytest

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
    calls, now = [], [0.0]
    # a clock of its own: on a busy machine a real one decides how often a call fits in
    monkeypatch.setattr(measure, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def call(name, seconds):
        calls.append(name)
        now[0] += seconds

    taken = in_turn({"long": partial(call, "long", 0.01), "short": partial(call, "short", 0.0006)}, 2)
    turns = [(name, len(list(group))) for name, group in itertools.groupby(calls)]
    # the long one warms up once and is timed once; seven short ones last 4 ms, and three are timed
    assert turns == [("long", 2), ("short", 10)] * 3
    assert taken["long"].median == pytest.approx(10) and taken["short"].median == pytest.approx(0.6)


def test_a_result_is_written_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(measure, "RESULTS", tmp_path)
    path = save("name", {"cores": 2}, {"call": Timing(1.0, 0.5, 2.0, 3)}, more={"figures": []})
    assert list(tmp_path.iterdir()) == [path]
    content = json.loads(path.read_text())
    assert content["milliseconds"]["call"]["median"] == 1.0
    assert content["figures"] == [] and content["machine"] == {"cores": 2}
