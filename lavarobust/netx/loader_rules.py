"""What the stock loader makes of a file's integers: weights, biases and delays as they execute.

The stock loader fits each dense matrix into 8-bit synapses (``lava/lib/dl/netx/utils.py``,
``optimize_weight_bits``) and Lava's ``Dense`` then clips and truncates what it was given
(``lava/proc/dense/models.py`` with ``lava/utils/weightutils.py``). The two do not always agree
about the sign mode, so that some matrices lose bits, or everything. ``Conv`` takes its weights as
they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.deployment import Encoding, input_message_bits
from lavarobust.netx.limits import BIAS_EXPONENT, DELAY_MAX, SIGMA_DELTA_SHIFT
from lavarobust.netx.model import Conv, Dense, Model, SigmaDelta


@dataclass(frozen=True, eq=False)
class LoadedWeight:
    """Weights as the executed processes hold them: a synaptic sum is ``(weight . s) >> shift``.

    Attributes:
        weight: int32, of the file weight's shape.
        shift: 0..8; the arithmetic right shift of each sum (of each delay's sum, with delays).
        recurrent_weight: ``(out, out)`` int32 of a ``dense_rec`` layer, with the same shift; else None.
    """

    weight: np.ndarray
    shift: int
    recurrent_weight: np.ndarray | None = None


def load_weight(layer: Dense | Conv, where: str = "layer") -> LoadedWeight:
    """The weights of a layer as stock Lava executes them.

    A recurrent layer's two matrices are fitted together and then truncated each by its own signs.

    Raises:
        ModelFileError: the stock loader fails on it (``where`` names the layer).
    """
    if isinstance(layer, Conv):
        return LoadedWeight(layer.weight.astype(np.int32), 0)
    if layer.recurrent_weight is None:
        fit = _fit(layer.weight, where)
        return LoadedWeight(_as_dense_executes(layer.weight, fit), max(fit.left_shift, 0))
    fit = _fit(np.hstack((layer.weight, layer.recurrent_weight)), where)
    return LoadedWeight(
        _as_dense_executes(layer.weight, fit),
        max(fit.left_shift, 0),
        _as_dense_executes(layer.recurrent_weight, fit),
    )


def effective_bias(layer: Dense | Conv) -> np.ndarray:
    """Bias per channel in state units ``(channels,)`` int32: the mantissa wrapped to int16, times 2**6.

    Of sigma-delta neurons, the mantissa times 2**12. Source: ``bias_mant`` of ``lava/proc/lif/models.py``
    is an int16 array; ``bias_exp`` is 6; ``lava/proc/sdn/process.py``.
    """
    if layer.bias is None:
        return np.zeros(layer.shape[0], dtype=np.int32)
    if isinstance(layer.neuron, SigmaDelta):
        return layer.bias.astype(np.int32) << SIGMA_DELTA_SHIFT
    mantissa: np.ndarray = layer.bias.astype(np.int16)
    return mantissa.astype(np.int32) << BIAS_EXPONENT


def loader_message_bits(model: Model, encoding: Encoding) -> int:
    """``input_message_bits`` for the stock loader: never 0 for sigma-delta neurons.

    A first layer's recurrent synapses take it too, and would make a 1 of every message.
    """
    return max(int(model.sigma_delta), input_message_bits(encoding))


def effective_delay(layer: Dense) -> np.ndarray:
    """Delay of every synapse in steps, ``(out, in)`` int32, 0..62; zeros where the layer has none.

    One delay per output is axonal and delays that output's whole row; else one per input delays
    its column; where both counts fit, they are read per output.
    """
    outputs, inputs = layer.weight.shape
    if layer.delay is None:
        return np.zeros((outputs, inputs), dtype=np.int32)
    delay: np.ndarray = np.minimum(layer.delay, DELAY_MAX).astype(np.int32)
    if delay.ndim == 1:
        delay = delay[:, None] if len(delay) == outputs else delay[None, :]
    return np.array(np.broadcast_to(delay, (outputs, inputs)))


def changed_by_loading(layer: Dense | Conv, where: str = "layer") -> int:
    """How many of the layer's weights execute with another value than the file holds.

    Raises:
        ModelFileError: as :func:`load_weight`.
    """
    loaded = load_weight(layer, where)
    pairs = [(loaded.weight, layer.weight)]
    if isinstance(layer, Dense) and loaded.recurrent_weight is not None:
        assert layer.recurrent_weight is not None
        pairs.append((loaded.recurrent_weight, layer.recurrent_weight))
    return sum(
        int(np.count_nonzero(executed != held.astype(np.int64) << loaded.shift)) for executed, held in pairs
    )


@dataclass(frozen=True)
class _Fit:
    """The loader's choice for one matrix: clip it, shift it left, keep so many weight bits."""

    clip: bool
    left_shift: int
    weight_bits: int


def _fit(weight: np.ndarray, where: str) -> _Fit:
    largest, smallest = int(weight.max()), int(weight.min())
    if largest == smallest == 0:
        raise ModelFileError(
            where,
            "every weight is zero, which the stock loader can't load (OverflowError)",
            "Remove the layer, or give at least one synapse a non-zero weight",
        )
    clip = smallest < 0 < largest and (largest > 254 or smallest < -256)
    if clip:
        largest, smallest = min(largest, 254), max(smallest, -256)
    mixed = smallest < 0 <= largest
    if mixed:
        scale = min(127 / largest if largest else math.inf, -128 / smallest)
    else:
        scale = -256 / smallest if smallest < 0 else 255 / largest
    left_shift = math.frexp(scale)[1] - 1 + mixed
    held = np.clip(weight, -256, 254) if clip else weight
    set_bits = int(np.bitwise_or.reduce(held, axis=None))
    trailing_zeros = min(8, (set_bits & -set_bits).bit_length() - 1)
    return _Fit(clip, left_shift, weight_bits=8 - left_shift - trailing_zeros + mixed)


def _as_dense_executes(weight: np.ndarray, fit: _Fit) -> np.ndarray:
    if fit.clip:
        weight = np.clip(weight, -256, 254)
    # A negative count shifts everything out, in numpy as in Lava: too large a matrix becomes zero.
    shifted = np.left_shift(weight.astype(np.int32), np.int32(fit.left_shift))
    inhibitory = shifted.min() < 0 and shifted.max() <= 0
    mixed = bool(shifted.min() < 0 < shifted.max())
    magnitude = np.clip(-shifted if inhibitory else shifted, -256 if mixed else 0, 255)
    dropped_bits = np.int32(8 - fit.weight_bits + mixed)
    kept = np.left_shift(np.right_shift(magnitude, dropped_bits), dropped_bits)
    executed: np.ndarray = -kept if inhibitory else kept
    return executed.astype(np.int32)
