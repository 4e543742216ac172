"""Random networks, also those that carry spikes from one sample to the next, against the slow execution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lavarobust.errors import BackendError
from lavarobust.netx.model import Dense, Model, Neuron
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")
from lavarobust.execution.lava import LavaBackend


def dense(rng, inputs, recurrent, delayed, biased, reset):
    neurons = int(rng.integers(1, 5))
    weight = 2 * rng.integers(-100, 128, (neurons, inputs)).astype(np.int32)
    weight.flat[0] = 2  # no matrix without a positive weight: the loader changes those
    decays = int(rng.choice([0, 700, 4096])), int(rng.choice([0, 90, 4096]))
    neuron = Neuron(*decays, threshold=int(rng.integers(20, 300)), reset=reset)
    around = 2 * rng.integers(-30, 40, (neurons, neurons)).astype(np.int32)
    around.flat[0] = 2
    return Dense(
        weight=weight,
        neuron=neuron,
        bias=rng.integers(-40, 60, neurons).astype(np.int32) if biased else None,
        delay=rng.integers(0, 5, rng.choice([neurons, inputs])).astype(np.int32) if delayed else None,
        recurrent_weight=around if recurrent else None,
    )


@given(
    seed=st.integers(0, 1 << 30),
    kinds=st.lists(st.sampled_from(["plain", "recurrent", "delayed"]), min_size=1, max_size=3),
    biased=st.booleans(),
    steps=st.integers(1, 9),
    graded=st.booleans(),
    resets=st.lists(st.sampled_from(["hard", "soft"]), min_size=3, max_size=3),
)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_sample_runs_as_if_it_were_alone(agrees, seed, kinds, biased, steps, graded, resets):
    rng = np.random.default_rng(seed)
    layers, inputs = [], 4
    for kind, reset in zip(kinds, resets, strict=False):
        layers.append(dense(rng, inputs, kind == "recurrent", kind == "delayed", biased, reset))
        inputs = layers[-1].shape[0]
    model = Model(tuple(layers), (4,), name="random")
    high = 9 if graded else 2
    frames = rng.integers(-high + 1 if graded else 0, high, (4, 4, rng.integers(1, steps + 1)))
    stimulus = Stimulus(frames.astype(np.int32), steps)
    keep = range(len(layers))
    try:
        record, states = LavaBackend().run_with_states(model, stimulus, "membrane", keep)
    except BackendError as error:
        assert "before the input arrives" in str(error)
        assert biased
        assume(False)
    agrees(model, stimulus, record, states)
