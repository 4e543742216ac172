"""How far a layer's states can go at most, over every input in range: the proof of no overflow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.graph import branches
from lavarobust.netx.limits import DECAY_UNITY, READOUT_THRESHOLD, STATE_SHIFT
from lavarobust.netx.loader_rules import effective_bias, load_weight
from lavarobust.netx.model import Conv, Dense, GradedSum, Input, Model, Neuron


@dataclass(frozen=True)
class StateBound:
    """Largest magnitudes of one population's states, as if they had no 24-bit limit.

    Attributes:
        layer: name as ``Model.layer_name`` gives it.
        current, potential: in state units (synaptic sums times 2**6); the potential before the
            clip and before the reset of a spike. Of a graded sum, the sum itself, and 0.
    """

    layer: str
    current: int
    potential: int


Range = tuple[int, int]
"""Lowest and highest of some integers."""


@dataclass(frozen=True)
class _Drive:
    """What one channel receives per step, as Python integers: lowest and highest sum, and its bias."""

    low: int
    high: int
    bias_low: int
    bias_high: int
    current_keep: int
    voltage_keep: int


def state_bounds(
    model: Model, steps: int, input_low: int, input_high: int, events: int
) -> tuple[StateBound, ...]:
    """Bounds of every population's current and potential over one window, from a state of rest.

    Interval arithmetic over single steps: spikes are 0 or 1 in every step, inputs anything in range,
    a neuron is reset in every step above its threshold. The bounds hold for every input; few
    inputs come near them.

    Args:
        model: the integer model.
        steps: T, the window's length.
        input_low, input_high: range of the integers that the first layer receives (of the bias
            mantissas, where it is an input population).
        events: steps of the window at which the input is sent (1 for ``direct``, T otherwise).

    Raises:
        ModelFileError: the model has sigma-delta neurons; see :func:`lavarobust.netx.sum_bounds`.
    """
    bounds: list[StateBound] = []
    reached: list[Range] = []
    low, high, sent = min(input_low, 0), max(input_high, 0), events
    for index, layer in model.populations:
        if isinstance(layer.neuron, GradedSum):
            assert not isinstance(layer, Input)
            sums = _all_sums(model, layer, (low, high), reached)
            low, high = min(0, *(end for end, _ in sums)), max(0, *(end for _, end in sums))
            bounds.append(StateBound(model.layer_name(index), max(-low, high), 0))
            low, high = layer.neuron.sent(low), layer.neuron.sent(high)
            reached.append((low, high))
            continue
        if not isinstance(layer.neuron, Neuron):
            raise ModelFileError(
                f"{model.name}: layer/{index}/neuron",
                "sigma-delta neurons have no current and no 24-bit potential to bound",
                "Ask sum_bounds for their 32-bit sums",
            )
        if isinstance(layer, Input):
            drives = _input_drives(layer, input_low, input_high)
        else:
            # delays spread one frame's arrivals over the window; a recurrence adds its own
            spread = isinstance(layer, Dense) and not (layer.delay is None and layer.recurrent_weight is None)
            sent = steps if spread else sent
            drives = _drives(layer, _all_sums(model, layer, (low, high), reached))
        peaks = [_peaks(drive, layer.neuron, steps, sent) for drive in drives]
        bounds.append(
            StateBound(
                model.layer_name(index),
                current=max(current for current, _ in peaks),
                potential=max(potential for _, potential in peaks),
            )
        )
        low, high, sent = 0, 1, steps
        reached.append((low, high))
    return tuple(bounds)


def _left_by_reset(neuron: Neuron, low: int, high: int) -> tuple[int, int]:
    """What potentials between ``low`` and ``high`` stay between when those above the threshold are reset."""
    if neuron.threshold >= READOUT_THRESHOLD:  # the clipped potential can't spike
        return low, high
    threshold = neuron.threshold << STATE_SHIFT
    if neuron.reset == "soft":
        return min(low, 0), max(min(high, threshold), high - threshold)
    return min(low, 0), min(high, threshold)


def _peaks(drive: _Drive, neuron: Neuron, steps: int, sent: int) -> tuple[int, int]:
    """Largest magnitude of current and potential of one channel over the window."""
    current_low = current_high = potential_low = potential_high = 0
    current_peak = potential_peak = 0
    for step in range(steps):
        before = (current_low, current_high, potential_low, potential_high)
        current_low = _kept(current_low, drive.current_keep) + (drive.low if step < sent else 0)
        current_high = _kept(current_high, drive.current_keep) + (drive.high if step < sent else 0)
        potential_low, potential_high = _left_by_reset(neuron, potential_low, potential_high)
        potential_low = _kept(potential_low, drive.voltage_keep) + current_low + drive.bias_low
        potential_high = _kept(potential_high, drive.voltage_keep) + current_high + drive.bias_high
        current_peak = max(current_peak, current_high, -current_low)
        potential_peak = max(potential_peak, potential_high, -potential_low)
        settled = before == (current_low, current_high, potential_low, potential_high)
        if settled and (step >= sent or sent >= steps):
            break  # the same drive from here on
    return current_peak, potential_peak


def _kept(state: int, keep: int) -> int:
    """What a decay leaves of a state: the product, truncated toward zero."""
    return state * keep >> 12 if state >= 0 else -(-state * keep >> 12)


def _keep(decay: int | np.ndarray, channels: int) -> list[int]:
    return [DECAY_UNITY - int(value) for value in np.broadcast_to(decay, (channels,))]


def _input_drives(layer: Input, low: int, high: int) -> set[_Drive]:
    """An input layer's neurons are driven by their bias alone: mantissas, wrapped to int16."""
    assert isinstance(layer.neuron, Neuron)
    ends = (low, high)
    if min(ends) < -(1 << 15) or max(ends) >= 1 << 15:
        ends = (-(1 << 15), (1 << 15) - 1)
    bias_low, bias_high = min(ends) << STATE_SHIFT, max(ends) << STATE_SHIFT
    channels = layer.shape[0]
    return {
        _Drive(0, 0, bias_low, bias_high, *keep)
        for keep in zip(
            _keep(layer.neuron.current_decay, channels),
            _keep(layer.neuron.voltage_decay, channels),
            strict=True,
        )
    }


def _all_sums(model: Model, layer: Dense | Conv, arriving: Range, reached: list[Range]) -> list[Range]:
    """Lowest and highest sum of each output channel, those of shortcuts added.

    Args:
        arriving: what comes from the layer in front.
        reached: of each population so far.
    """
    total = list(_sums(layer, *arriving))
    for branch in branches(model, layer):
        joining = _sums(branch.synapse, *reached[branch.source])
        total = [(low + a, high + b) for (low, high), (a, b) in zip(total, joining, strict=True)]
    return total


def _drives(layer: Dense | Conv, sums: list[Range]) -> set[_Drive]:
    """The distinct drives among the layer's channels."""
    bias = [int(value) for value in effective_bias(layer)]
    channels = len(bias)
    assert isinstance(layer.neuron, Neuron)
    current_keep = _keep(layer.neuron.current_decay, channels)
    voltage_keep = _keep(layer.neuron.voltage_decay, channels)
    return {
        _Drive(
            sums[channel][0] << STATE_SHIFT,
            sums[channel][1] << STATE_SHIFT,
            bias[channel],
            bias[channel],
            current_keep[channel],
            voltage_keep[channel],
        )
        for channel in range(channels)
    }


def _sums(layer: Dense | Conv, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Lowest and highest synaptic sum of each output channel, of inputs in ``low <= 0 <= high``."""
    loaded = load_weight(layer)
    positive, negative = _signed_sums(loaded.weight)
    recurrent = loaded.recurrent_weight
    back_positive, back_negative = _signed_sums(recurrent if recurrent is not None else loaded.weight[:, :0])
    # a shift that cuts bits floors each sum, and with delays each delay's sum by itself
    cut = bool((loaded.weight & ((1 << loaded.shift) - 1)).any())
    floors = 63 if cut and isinstance(layer, Dense) and layer.delay is not None else 0
    for up, down, back_up, back_down in zip(positive, negative, back_positive, back_negative, strict=True):
        lowest = (up * low + down * high >> loaded.shift) + (back_down >> loaded.shift) - floors
        highest = (up * high + down * low >> loaded.shift) + (back_up >> loaded.shift)
        yield lowest, highest


def _signed_sums(weight: np.ndarray) -> tuple[list[int], list[int]]:
    """Sums of the positive and of the negative weights of each output channel, as Python integers."""
    flat = weight.reshape(len(weight), -1).astype(np.int64)
    positive, negative = np.maximum(flat, 0).sum(axis=1), np.minimum(flat, 0).sum(axis=1)
    return [int(value) for value in positive], [int(value) for value in negative]
