"""How far the sums of sigma-delta layers can go: messages telescope, so their sums stay near activations.

What a neuron sent up to a step is its activation less its residue. A message is that, shifted right and
rounded down, so the sum of E messages lies within E units below; a synapse's share of a sum is its weight
times such a sum of messages, however they came in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.limits import SIGMA_DELTA_SHIFT, STATE_EXPONENT
from lavarobust.netx.loader_rules import effective_bias, load_weight
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, SigmaDelta


@dataclass(frozen=True)
class SumBound:
    """Largest magnitudes in one layer, as if no integer were cut.

    Attributes:
        layer: name as ``Model.layer_name`` gives it.
        arriving: of what arrives at a neuron in one step: a synaptic sum, or an encoder's shifted input.
        state: of a sum, with and without its bias, or of a change.
    """

    layer: str
    arriving: int
    state: int


@dataclass(frozen=True, eq=False)
class _Sent:
    """Per channel, ends of the sum of messages so far and of one message, as Python integers."""

    low: np.ndarray
    high: np.ndarray
    least: np.ndarray
    most: np.ndarray

    def repeated(self, times: int) -> _Sent:
        return _Sent(*(np.repeat(part, times) for part in (self.low, self.high, self.least, self.most)))


def sum_bounds(model: Model, steps: int, input_low: int, input_high: int) -> tuple[SumBound, ...]:
    """Bounds of every population over one window, and the steps that Lava runs it before.

    Args:
        model: of sigma-delta neurons, without recurrent layers.
        steps: T, the window's length.
        input_low, input_high: range of the frames' integers.

    Raises:
        ModelFileError: a recurrent layer, whose sums nothing bounds.
    """
    low, high = min(input_low, 0), max(input_high, 0)
    channels = model.input_shape[0]
    # frames that no encoder turned into changes add up
    sent = _Sent(*(_all(channels, value) for value in (low * steps, high * steps, low, high)))
    shape, bounds, lead = model.input_shape, [], int(not isinstance(model.populations[0][1], Input))
    for index, layer in enumerate(model.layers):
        if isinstance(layer, Flatten) or layer.neuron is None:
            continue
        assert isinstance(layer.neuron, SigmaDelta)
        name, rest = model.layer_name(index), layer.neuron.threshold << SIGMA_DELTA_SHIFT
        every = steps + lead
        if isinstance(layer, Input):
            low, high = low << SIGMA_DELTA_SHIFT, high << SIGMA_DELTA_SHIFT
            sent = _changes(_all(channels, low), _all(channels, high), rest, every)
            bounds.append(SumBound(name, max(high, -low), high - low + rest))
        else:
            if isinstance(layer, Dense):
                sent = sent.repeated(layer.weight.shape[1] // len(sent.low))
            arriving, sums = _sums(model, index, layer, sent, every)
            bias = effective_bias(layer).astype(object)
            biased = [end + bias for end in sums]
            change = np.maximum(biased[1], 0) + rest
            largest = max(int(np.abs(end).max()) for end in (*sums, *biased, change))
            bounds.append(SumBound(name, int(np.abs(arriving).max()), largest))
            if layer.neuron.sends_sum:
                sent = _Sent(sums[0] * every, sums[1] * every, *sums)
            else:
                sent = _changes(bias * 0, np.maximum(biased[1], 0), rest, every)
        shape = layer.shape
        channels, lead = shape[0], lead + 1
    return tuple(bounds)


def _all(channels: int, value: int) -> np.ndarray:
    return np.full(channels, value, dtype=object)


def _changes(low: np.ndarray, high: np.ndarray, rest: int, steps: int) -> _Sent:
    """What neurons send whose activations lie in a range that holds 0, with residues below ``rest``."""
    least, most = low - high - 2 * rest, high - low + 2 * rest
    return _Sent(
        ((low - rest) >> STATE_EXPONENT) - steps,
        (high + rest) >> STATE_EXPONENT,
        least >> STATE_EXPONENT,
        most >> STATE_EXPONENT,
    )


def _sums(
    model: Model, index: int, layer: Dense | Conv, sent: _Sent, steps: int
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Ends of what arrives in a step, and of the sum so far, per output channel."""
    loaded = load_weight(layer)
    if loaded.recurrent_weight is not None:
        raise ModelFileError(
            f"{model.name}: layer/{index}",
            "nothing bounds the sums of recurrent sigma-delta neurons",
            "Run the model: a record counts every wrap",
        )
    weight = loaded.weight.astype(object)
    if isinstance(layer, Conv):
        taps = weight.shape[2] * weight.shape[3]
        per_group = weight.shape[0] // layer.groups
        group = np.arange(weight.shape[0]) // per_group
        source = group[:, None] * weight.shape[1] + np.arange(weight.shape[1])
        weight = weight.reshape(weight.shape[0], -1)
        low, high, least, most = (
            np.repeat(part[source], taps, axis=1) for part in (sent.low, sent.high, sent.least, sent.most)
        )
    else:
        low, high, least, most = (part[None] for part in (sent.low, sent.high, sent.least, sent.most))
    excited, inhibited = np.maximum(weight, 0), np.minimum(weight, 0)
    # a shift that cuts bits rounds every sum down, with delays each delay's by itself
    cuts = bool((loaded.weight & ((1 << loaded.shift) - 1)).any())
    floors = int(cuts) * (63 if isinstance(layer, Dense) and layer.delay is not None else 1)
    arriving = np.stack([
        ((excited * least + inhibited * most).sum(axis=1) >> loaded.shift) - floors,
        (excited * most + inhibited * least).sum(axis=1) >> loaded.shift,
    ])  # fmt: skip
    lowest = ((excited * low + inhibited * high).sum(axis=1) >> loaded.shift) - floors * steps
    return arriving, (lowest, (excited * high + inhibited * low).sum(axis=1) >> loaded.shift)
