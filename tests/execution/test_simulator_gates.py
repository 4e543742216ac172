"""Gated models in the simulator against the slow execution, whatever the chunk, order and way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from extended_models import gated, softened

from lavarobust.draws import Keys
from lavarobust.errors import PrecisionError
from lavarobust.execution.simulator import Simulator, compile_model, propagate
from lavarobust.netx.model import Dense, Model, Neuron
from lavarobust.record import Stimulus


def stimulus_of(rng, samples=7, steps=6) -> Stimulus:
    frames = rng.integers(-9, 17, (samples, 2, 7, 7, 3)).astype(np.int32)
    return Stimulus(frames, steps, keys=Keys(rng.integers(0, 1 << 40, samples), draw=5))


def run(model, stimulus, **options):
    keep = [index for index, _ in model.populations]
    return Simulator(**options).run(model, stimulus, "membrane", keep)


def states_of(model, stimulus):
    """As Lava gives them, by the differentiable reference."""
    frames = torch.from_numpy(np.moveaxis(stimulus.frames, -1, 0).astype(np.float64))
    runs = propagate(compile_model(model), frames, stimulus.steps, stimulus.gate_keys)
    ends = {run.stage.index: run.trajectory.end for run in runs}
    return {
        index: np.stack([end.current.numpy(), end.potential.numpy()]).astype(np.int64)
        for index, end in ends.items()
    }


@pytest.mark.parametrize("change", [lambda model: model, softened])
def test_a_gated_network_equals_the_slow_execution(conv_model, rng, agrees, change):
    model, stimulus = gated(change(conv_model), 1, 2, 4), stimulus_of(rng)
    record = run(model, stimulus)
    agrees(model, stimulus, record, states_of(model, stimulus))
    free = run(change(conv_model), stimulus)
    assert 0 < record.layers[0].spikes.sum() < free.layers[0].spikes.sum()


def test_every_population_but_recurrent_ones_may_have_a_gate(recurrent_model, rng, agrees):
    model = gated(recurrent_model)
    frames = rng.integers(0, 2, (4, 5, 12)).astype(np.int32)
    stimulus = Stimulus(frames, 12, keys=Keys(np.array([3, 1, 4, 1])))
    assert "stochastic gate" in model.extensions
    agrees(model, stimulus, run(model, stimulus), states_of(model, stimulus))


def test_gates_that_are_open_change_nothing_and_closed_ones_silence(conv_model, rng):
    stimulus, plain = stimulus_of(rng), gated(conv_model, 1, 2, 4)

    def with_openings(value):
        layers = [
            replace(layer, gate=replace(layer.gate, opening=np.full_like(layer.gate.opening, value)))
            if getattr(layer, "gate", None)
            else layer
            for layer in plain.layers
        ]
        return run(replace(plain, layers=tuple(layers)), stimulus)

    free = run(conv_model, stimulus)
    for counts, others in zip(with_openings(65536).layers, free.layers, strict=True):
        assert (counts.spikes == others.spikes).all()
    assert not any(counts.spikes.any() for counts in with_openings(0).layers[:3])


def test_chunks_order_and_company_change_no_draw(conv_model, rng):
    model, stimulus = gated(conv_model, 1, 2, 4), stimulus_of(rng)
    whole = run(model, stimulus)
    np.testing.assert_array_equal(run(model, stimulus, memory_limit=0).potential, whole.potential)
    order = np.array([4, 0, 6])
    np.testing.assert_array_equal(run(model, stimulus.taken(order)).potential, whole.potential[order])
    other = run(model, replace(stimulus, keys=Keys(stimulus.keys.indices, draw=6)))
    assert (other.potential != whole.potential).any()


def test_without_keys_samples_are_known_by_their_position(conv_model, rng):
    model, stimulus = gated(conv_model, 1, 2, 4), stimulus_of(rng)
    nameless = replace(stimulus, keys=None)
    named = replace(stimulus, keys=Keys(np.arange(7)))
    np.testing.assert_array_equal(run(model, nameless).potential, run(model, named).potential)
    part = run(model, nameless.taken(slice(5, 7)))
    np.testing.assert_array_equal(part.potential, run(model, named).potential[5:])


def test_a_strict_run_finds_the_cut_behind_the_very_gates_that_were_drawn(rng):
    first = Dense(np.full((40, 8), 254, dtype=np.int32), Neuron(4096, 0, 10))
    second = Dense(np.full((2, 40), 254, dtype=np.int32), Neuron(0, 0, 131_072))
    model = gated(Model((first, second), (8,), name="wraps"), 0)
    stimulus = Stimulus(np.ones((5, 8, 40), dtype=np.int32), 40, keys=Keys(np.arange(50, 55)))
    counted = run(model, stimulus)
    step = int(counted.layers[1].clips.any(0).argmax())
    sample = int(counted.layers[1].clips[:, step].argmax())
    with pytest.raises(PrecisionError, match=f"the first at step {step} of sample {sample}, neuron 0"):
        run(model, stimulus, strict=True)
