"""A model executed neuron by neuron and step by step, every spike walked through every synapse."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lavarobust.netx.graph import as_layer
from lavarobust.netx.model import Dense, GradedSum, Input, Model
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
    active: np.ndarray
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
        *(np.zeros((samples, steps), dtype=np.int64) for _ in range(6)),
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
        of_outputs = layer.delay.ndim == 1 and layer.delay.shape[0] == size
        delay += layer.delay[:, None] if of_outputs else layer.delay
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
                stepped, moving = _sum_sent(layer, total), total != 0
            else:
                moving = (potential != 0) | (added != 0)
                stepped = _integrate(layer, current, potential, total, added)
            done.active[sample, step] = np.count_nonzero(moving | (stepped[0] != 0))
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
