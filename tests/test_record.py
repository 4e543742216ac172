"""Records of parts become the record of the whole."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest

from benchmarks.parity.convolutional import random_model
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.model import Dense, Model, Neuron
from lavarobust.record import LayerCounts, Record, Stimulus, joined


def assert_same(one: Record, other: Record) -> None:
    for field in fields(Record):
        if field.name not in ("layers", "rasters"):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), field.name)
    for left, right in zip(one.layers, other.layers, strict=True):
        for field in fields(LayerCounts):
            np.testing.assert_array_equal(getattr(left, field.name), getattr(right, field.name), field.name)
    assert one.rasters.keys() == other.rasters.keys()
    for index, raster in one.rasters.items():
        np.testing.assert_array_equal(raster, other.rasters[index])


@pytest.mark.parametrize("seed", range(6))
def test_parts_make_up_the_whole(seed) -> None:
    model, stimulus, readout = random_model(np.random.default_rng(seed))
    keep = [index for index, _ in model.populations]
    whole = Simulator().run(model, stimulus, readout, keep)
    parts = [
        Simulator().run(model, replace(stimulus, frames=stimulus.frames[n : n + 1]), readout, keep)
        for n in range(stimulus.samples)
    ]
    assert_same(joined(iter(parts), stimulus.samples), whole)
    with pytest.raises(ValueError, match=f"parts of {stimulus.samples} samples do not make up"):
        joined(iter(parts), stimulus.samples + 1)


def test_one_graded_part_makes_the_whole_graded() -> None:
    model = Model(tuple(Dense(np.eye(2, dtype=np.int32) * 4 - 2, Neuron(4096, 0, 1)) for _ in "ab"), (2,))
    frames = np.zeros((3, 2, 4), dtype=np.int32)
    frames[1, 0, 0] = 5
    parts = [Simulator().run(model, Stimulus(frames[n : n + 1], 4)) for n in range(3)]
    assert [part.layers[0].graded_input for part in parts] == [False, True, False]
    assert [layer.graded_input for layer in joined(parts, 3).layers] == [True, False]


def test_a_part_is_let_go_before_the_next_is_asked_for() -> None:
    model = Model((Dense(np.array([[2, -2]], dtype=np.int32), Neuron(4096, 0, 1)),), (2,))
    alive: list[weakref.ref[Record]] = []

    def parts() -> Iterator[Record]:
        for _ in range(4):
            assert sum(reference() is not None for reference in alive) <= 1
            part = Simulator().run(model, Stimulus(np.ones((2, 2, 3), dtype=np.int32), 3))
            alive.append(weakref.ref(part))
            yield part
            del part

    assert joined(parts(), 8).samples == 8


def test_what_is_held_twice_is_joined_once() -> None:
    model = Model(tuple(Dense(np.eye(2, dtype=np.int32) * 6 - 2, Neuron(4096, 0, 1)) for _ in "ab"), (2,))
    parts = [Simulator().run(model, Stimulus(np.ones((2, 2, 3), dtype=np.int32), 3)) for _ in range(2)]
    first, second = joined(parts, 4).layers
    assert second.input_events is first.spikes
    assert first.input_events is not first.spikes and first.spikes.any()
