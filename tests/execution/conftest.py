"""Small networks, and a slow, obvious re-execution of them to compare with."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from lavarobust.netx.graph import as_layer
from lavarobust.netx.model import Conv, Dense, Flatten, GradedSum, Input, Model, Neuron
from lavarobust.record import Stimulus

RANGE = 1 << 24


def synapse_matrix(layer, input_shape):
    """``(out, in)`` weights and a mask of the synapses that exist, by following every synapse."""
    if isinstance(layer, Dense):
        return layer.weight.astype(np.int64), np.ones(layer.weight.shape, dtype=bool)
    channels, height, width = input_shape
    out_channels, out_height, out_width = layer.shape
    per_group = layer.weight.shape[1]
    weights = np.zeros((*layer.shape, *input_shape), dtype=np.int64)
    exists = np.zeros(weights.shape, dtype=bool)
    for o, y, x in np.ndindex(out_channels, out_height, out_width):
        group = o // (out_channels // layer.groups)
        for c, i, j in np.ndindex(*layer.weight.shape[1:]):
            row = y * layer.stride[0] - layer.padding[0] + i * layer.dilation[0]
            column = x * layer.stride[1] - layer.padding[1] + j * layer.dilation[1]
            if 0 <= row < height and 0 <= column < width:
                place = (o, y, x, group * per_group + c, row, column)
                weights[place] = layer.weight[o, c, i, j]
                exists[place] = True
    size = int(np.prod(layer.shape))
    assert channels == per_group * layer.groups
    return weights.reshape(size, -1), exists.reshape(size, -1)


@dataclass
class Expected:
    """What one population does: arrays ``(N, T)``, rasters ``(N, T, n)``, states ``(N, n)``."""

    spikes: np.ndarray
    events: np.ndarray
    synops: np.ndarray
    synops_dense: np.ndarray
    wraps: np.ndarray
    clips: np.ndarray
    current: np.ndarray = field(default_factory=lambda: np.zeros(0))
    potential: np.ndarray = field(default_factory=lambda: np.zeros(0))


def _truncating(state, decay):
    product = state * (4096 - decay)
    return np.sign(product) * (np.abs(product) >> 12)


def _integrate(layer, current, potential, total, bias):
    """One step of one population; returns current, potential, spikes, wraps, clips."""
    neuron = layer.neuron
    current = _truncating(current, np.asarray(neuron.current_decay)) + (total << 6)
    high, low = current > RANGE // 2, current <= -RANGE // 2
    current = np.where(high, current - RANGE, np.where(low, current + RANGE, current))
    free = _truncating(potential, np.asarray(neuron.voltage_decay)) + current + bias
    potential = np.clip(free, 1 - RANGE // 2, RANGE // 2 - 1)
    spikes = potential > neuron.threshold << 6
    clips = np.count_nonzero(free != potential)
    left = potential - (neuron.threshold << 6) if neuron.reset == "soft" else 0
    return current, np.where(spikes, left, potential), spikes, np.count_nonzero(high | low), clips


def _sum_sent(layer, total):
    """A population without neurons: nothing but its rounded sum."""
    none = np.zeros(len(total), dtype=np.int64)
    return none, none, (total + (1 << layer.neuron.shift) // 2) // (1 << layer.neuron.shift), 0, 0


def _population(layer, input_shape, arriving, drive, beside):
    samples, steps, _ = arriving.shape
    size = int(np.prod(layer.shape))
    done = Expected(
        np.zeros((samples, steps, size), dtype=np.int64),
        *(np.zeros((samples, steps), dtype=np.int64) for _ in range(5)),
        np.zeros((samples, size), dtype=np.int64),
        np.zeros((samples, size), dtype=np.int64),
    )
    if isinstance(layer, Input):
        weights, exists = np.zeros((size, size), dtype=np.int64), np.zeros((size, size), dtype=bool)
        bias = None
    else:
        weights, exists = synapse_matrix(layer, input_shape)
        mantissa = np.zeros(layer.shape[0]) if layer.bias is None else layer.bias
        bias = np.repeat(mantissa.astype(np.int64), size // layer.shape[0]) << 6
    delay = np.zeros(weights.shape, dtype=int)
    if getattr(layer, "delay", None) is not None:
        delay += layer.delay[:, None] if layer.delay.shape[0] == size else layer.delay[None, :]
    recurrent = getattr(layer, "recurrent_weight", None)
    paths = [(*synapse_matrix(path, shape), spikes) for path, shape, spikes in beside]
    for sample in range(samples):
        current = potential = np.zeros(size, dtype=np.int64)
        last = np.zeros(size, dtype=np.int64)
        for step in range(steps):
            total = np.zeros(size, dtype=np.int64)
            for lag in range(min(step, delay.max()) + 1):
                total += np.where(delay == lag, weights, 0) @ arriving[sample, step - lag]
            events = arriving[sample, step] != 0
            done.events[sample, step] = 0 if drive is not None else events.sum()
            done.synops[sample, step] = (weights != 0)[:, events].sum()
            done.synops_dense[sample, step] = exists[:, events].sum()
            for path, path_exists, spikes in paths:
                reached = spikes[sample, step] != 0
                total += path @ spikes[sample, step]
                done.events[sample, step] += reached.sum()
                done.synops[sample, step] += (path != 0)[:, reached].sum()
                done.synops_dense[sample, step] += path_exists[:, reached].sum()
            if recurrent is not None:
                total += recurrent @ last
            added = (drive[sample] << 6) if bias is None else bias
            if isinstance(layer.neuron, GradedSum):
                stepped = _sum_sent(layer, total)
            else:
                stepped = _integrate(layer, current, potential, total, added)
            current, potential, spikes, done.wraps[sample, step], done.clips[sample, step] = stepped
            last = done.spikes[sample, step] = spikes.astype(np.int64)
            if recurrent is not None:
                done.synops[sample, step] += (recurrent != 0)[:, last == 1].sum()
                done.synops_dense[sample, step] += size * last.sum()
        done.current[sample], done.potential[sample] = current, potential
    return done


def _passes(gate, stimulus):
    """``(N, T, n)`` 0 or 1: quarters of Philox's words, one after the other, against the openings."""
    keys, drawn = stimulus.gate_keys, []
    for index in keys.indices:
        generator = np.random.Philox(key=[gate.seed, index], counter=[0, 0, gate.stream, keys.draw])
        words = map(int, generator.random_raw(stimulus.steps * gate.opening.size // 4 + 1))
        drawn.append([word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)])
    draws = np.array(drawn)[:, : stimulus.steps * gate.opening.size]
    return (draws.reshape(len(drawn), stimulus.steps, -1) < gate.opening).astype(np.int64)


def execute_slowly(model: Model, stimulus: Stimulus) -> list[Expected]:
    """The model, neuron by neuron and step by step, every sample from rest."""
    frames = np.moveaxis(stimulus.frames, -1, 1).reshape(stimulus.samples, stimulus.frames.shape[-1], -1)
    arriving = np.zeros((stimulus.samples, stimulus.steps, frames.shape[-1]), dtype=np.int64)
    arriving[:, : frames.shape[1]] = frames
    input_shape, populations = model.input_shape, []
    for _, layer in model.populations:
        drive = arriving[:, 0] if isinstance(layer, Input) else None
        beside = []
        for shortcut in getattr(layer, "shortcuts", ()):
            position = [index for index, _ in model.populations].index(shortcut.source)
            shape = model.populations[position][1].shape
            beside.append((as_layer(shortcut, layer), shape, populations[position].spikes))
        populations.append(_population(layer, input_shape, arriving, drive, beside))
        if getattr(layer, "gate", None) is not None:
            populations[-1].spikes *= _passes(layer.gate, stimulus)
        arriving, input_shape = populations[-1].spikes, layer.shape
    return populations


def even(rng, shape, low=-60, high=60):
    """Even weights of both signs, as an export writes them."""
    return 2 * rng.integers(low // 2, high // 2 + 1, shape).astype(np.int32)


def conv(rng, weight_shape, shape, neuron, bias=None, **geometry) -> Conv:
    return Conv(weight=even(rng, weight_shape), neuron=neuron, shape=shape, bias=bias, **geometry)


def lif(threshold, current_decay=4096, voltage_decay=0) -> Neuron:
    return Neuron(current_decay=current_decay, voltage_decay=voltage_decay, threshold=threshold)


@pytest.fixture
def rng():
    return np.random.default_rng(20)


@pytest.fixture
def agrees():
    """Compare a record (and final states) with the slow execution, figure by figure."""

    def compare(model, stimulus, record, states):
        expected = execute_slowly(model, stimulus)
        for (index, layer), counts, want in zip(model.populations, record.layers, expected, strict=True):
            place = f"layer {model.layer_name(index)}"
            raster = np.moveaxis(want.spikes, 1, -1).reshape(-1, *layer.shape, stimulus.steps)
            np.testing.assert_array_equal(record.rasters[index], raster, place)
            np.testing.assert_array_equal(counts.spikes, (want.spikes != 0).sum(-1), place)
            np.testing.assert_array_equal(counts.input_events, want.events, place)
            np.testing.assert_array_equal(counts.synops, want.synops, place)
            np.testing.assert_array_equal(counts.synops_dense, want.synops_dense, place)
            np.testing.assert_array_equal(counts.wraps, want.wraps, place)
            np.testing.assert_array_equal(counts.clips, want.clips, place)
            samples = stimulus.samples
            np.testing.assert_array_equal(states[index][0].reshape(samples, -1), want.current, place)
            np.testing.assert_array_equal(states[index][1].reshape(samples, -1), want.potential, place)
        return expected

    return compare


@pytest.fixture
def conv_model(rng):
    """Strided, padded, grouped, dilated convolutions, flatten, dense; biases; a membrane readout."""
    first = conv(
        rng, (4, 2, 3, 3), (4, 4, 5), lif(900, voltage_decay=200), stride=(2, 1), padding=(1, 0),
        bias=np.array([0, 3, -2, 0], dtype=np.int32),
    )  # fmt: skip
    second = conv(
        rng, (4, 2, 3, 2), (4, 2, 3), lif(60, 2048, 64), groups=2, dilation=(1, 2), padding=(0, 0)
    )  # fmt: skip
    dense = Dense(even(rng, (5, 24)), lif(120), bias=np.array([1, 0, 0, 9, -4], dtype=np.int32))
    readout = Dense(even(rng, (3, 5)), lif(131072), bias=np.array([5, 0, -7], dtype=np.int32))
    layers = (Input((2, 7, 7)), first, second, Flatten(), dense, readout)
    return Model(layers, (2, 7, 7), name="conv net")


@pytest.fixture
def recurrent_model(rng):
    """A delayed dense layer and a recurrent one, both able to spike on after the input."""
    delayed = Dense(even(rng, (6, 5), -20), lif(60, 1024, 128), delay=np.array([0, 3, 1, 0, 2, 5]))
    recurrent = Dense(even(rng, (4, 6), -40), lif(50, 2048, 100), recurrent_weight=even(rng, (4, 4)))
    last = Dense(even(rng, (3, 4), -40), lif(50), delay=np.array([2, 0, 1, 1]))
    return Model((delayed, recurrent, last), (5,), name="recurrent net")
