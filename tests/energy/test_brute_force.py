"""The ledger against a count that walks every spike through every synapse, on random networks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from slow_execution import Expected, execute_slowly, synapse_matrix

from benchmarks.parity import convolutional, dense, residual
from benchmarks.parity.extended import extended
from lavarobust.energy import make_ledger
from lavarobust.errors import BackendError
from lavarobust.execution import backend
from lavarobust.execution.simulator import Simulator
from lavarobust.netx import check_model
from lavarobust.netx.graph import as_layer
from lavarobust.netx.model import Dense, GradedSum, Input, Model
from lavarobust.record import Stimulus

FAMILIES = (convolutional, dense, residual)


def by_walking(model: Model, stimulus: Stimulus) -> list[dict[str, np.ndarray]]:
    """What a ledger counts of each layer, one event and one synapse after the other."""
    done = execute_slowly(model, stimulus)
    populations = model.populations
    places = {index: position for position, (index, _) in enumerate(populations)}
    frames = np.zeros((stimulus.samples, stimulus.steps, int(np.prod(model.input_shape))), dtype=np.int64)
    sent = np.moveaxis(stimulus.frames, -1, 1)
    frames[:, : sent.shape[1]] = sent.reshape(*sent.shape[:2], -1)
    counted = []
    for position, (_, layer) in enumerate(populations):
        counts = {name: np.zeros(stimulus.samples, dtype=np.int64) for name in NAMES}
        own = done[position]
        arriving = frames if position == 0 else done[position - 1].spikes
        shape = model.input_shape if position == 0 else populations[position - 1][1].shape
        graded = (not stimulus.binary) if position == 0 else sends_sums(model, position - 1)
        if not isinstance(layer, Input):
            paths = [(layer, shape, arriving, graded, 0)]
            for shortcut in layer.shortcuts:
                source = places[shortcut.source]
                early = position - 1 - source
                values = sends_sums(model, source)
                one = as_layer(shortcut, layer)
                paths.append((one, populations[source][1].shape, done[source].spikes, values, early))
            for number, path in enumerate(paths):
                walk(counts, path, stepping=stimulus, shortcut=number > 0, first=position == 0)
            recur(counts, layer, own)
            counts["bias_additions"] += stimulus.steps * biased(layer)
        counts["spikes"] += (own.spikes != 0).sum(axis=(1, 2))
        counts["active_updates"] += own.active.sum(axis=1)
        counts["idle_updates"] += own.spikes[0].size - own.active.sum(axis=1)
        counted.append(counts)
    return counted


NAMES = (
    "accumulates", "multiply_accumulates", "signed_multiply_accumulates", "graded_additions", "synops_dense",
    "input_events", "spikes", "active_updates", "idle_updates", "bias_additions", "relays",
)  # fmt: skip


def sends_sums(model: Model, position: int) -> bool:
    return isinstance(model.populations[position][1].neuron, GradedSum)


def walk(counts, path, stepping: Stimulus, shortcut: bool, first: bool) -> None:
    layer, shape, arriving, graded, early = path
    weights, exists = synapse_matrix(layer, shape)
    one_pixel = isinstance(layer, Dense) or layer.weight.shape[2:] == (1, 1)
    adds = shortcut and one_pixel and (weights != 0).sum(axis=1).max() <= 1
    for n, t, i in zip(*np.nonzero(arriving), strict=True):
        signed = first and np.isin(arriving[n, t], (-1, 0, 1)).all()
        counts["input_events"][n] += 1
        counts["relays"][n] += early
        for o in range(len(weights)):
            counts["synops_dense"][n] += exists[o, i]
            if weights[o, i] == 0:
                continue
            if not graded:
                counts["accumulates"][n] += 1
            elif adds:
                counts["graded_additions"][n] += 1
            else:
                counts["multiply_accumulates"][n] += 1
                counts["signed_multiply_accumulates"][n] += signed


def recur(counts, layer, own: Expected) -> None:
    recurrent = getattr(layer, "recurrent_weight", None)
    if recurrent is None:
        return
    for n, _, i in zip(*np.nonzero(own.spikes), strict=True):
        counts["accumulates"][n] += np.count_nonzero(recurrent[:, i])
        counts["synops_dense"][n] += len(recurrent)


def biased(layer) -> int:
    per_channel = int(np.prod(layer.shape[1:], dtype=int))
    return 0 if layer.bias is None else int(np.count_nonzero(layer.bias)) * per_channel


def as_written(model: Model) -> bool:
    """Whether Lava executes the weights and biases that the walk reads."""
    return not any(finding.severity == "error" for finding in check_model(model))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda module: module.__name__.rpartition(".")[2])
@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_count_is_that_of_a_walk_over_every_synapse(family, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model, stimulus, readout = family.random_model(rng)
    assume(as_written(model))
    model, stimulus = extended(rng, model, stimulus)
    try:
        record = Simulator().run(model, stimulus, readout)
    except BackendError as error:
        assert "32 bits" in str(error)
        return
    if any(counts.cut_sums.any() for counts in record.layers):
        return  # the walk has no sums of 24 bits
    for layer, walked in zip(make_ledger(record, model).layers, by_walking(model, stimulus), strict=True):
        for name, expected in walked.items():
            np.testing.assert_array_equal(getattr(layer, name), expected, f"{name} of {layer.layer}")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda module: module.__name__.rpartition(".")[2])
def test_lava_leaves_the_same_ledger(family) -> None:
    generators = (np.random.default_rng(seed) for seed in range(7, 100))
    drawn = (family.random_model(rng) for rng in generators)
    model, stimulus, readout = next(one for one in drawn if as_written(one[0]))
    ours, lavas = (
        make_ledger(backend(name).run(model, stimulus, readout), model) for name in ("simulator", "lava")
    )
    assert ours.as_dict() | {"backend": "lava"} == lavas.as_dict()
    for mine, theirs in zip(ours.layers, lavas.layers, strict=True):
        for name in NAMES:
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), name)
