"""No compiled loop of sigma-delta layers is believed before it did the hardest operands right.

As :mod:`.trust` for spikes: weights all at their lowest, all at their highest and at random, few and many
messages of either sign, states that wrap, held against the reference.
"""

from __future__ import annotations

import warnings
from functools import lru_cache

import numpy as np

from lavarobust.dynamics.sigma_delta import Neurons
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.sigma_delta_prepared import (
    PreparedSigmaDelta,
    prepared_stage,
    run_prepared,
)
from lavarobust.execution.simulator.sigma_delta_reference import run_sigma_delta_stage
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage
from lavarobust.netx.loader_rules import LoadedWeight
from lavarobust.netx.model import Conv, Dense, Input, Shape, SigmaDelta

_STEPS = 6
_NEURONS = 40
"""More than a row of 32, and not two."""

_INPUTS = 48
_RANGES = {"int8": (-128, 127), "int16": (-254, 253), "int32": (-(1 << 20), 1 << 20)}


def sigma_delta_is_exact(layer: PreparedSigmaDelta) -> bool:
    """Whether the loop that would run a layer is right on every operand tried; warns where it is not."""
    if layer.patches is None:
        return _is_exact("encoder", "int8")
    kind = "conv" if isinstance(layer.stage.layer, Conv) else "dense"
    return _is_exact(kind, layer.patches.weights.dtype.name)


@lru_cache(maxsize=16)
def _is_exact(kind: str, weights: str) -> bool:
    rng = np.random.default_rng(0)
    highest = 1 << 25 if kind == "encoder" else (1 << 31) // (_INPUTS * -_RANGES[weights][0]) - 1
    exact = all(
        _agrees(stage, peak, rng)
        for stage in _stages(kind, weights, rng)
        for peak in (1, min(1000, highest), highest)
    )
    if not exact:
        warnings.warn(
            f"on this machine the compiled loop for sigma-delta {kind} layers with {weights} weights "
            "computes wrong integers; such layers run through the slower reference instead",
            RuntimeWarning,
            stacklevel=2,
        )
    return exact


def _agrees(stage: SigmaDeltaStage, peak: int, rng: np.random.Generator) -> bool:
    """From none to all inputs active, one share to a sample, all low, all high and at random."""
    shape = stage.input_shape
    values = rng.integers(-peak, peak + 1, (6, *shape, _STEPS))
    values[0], values[1] = -peak, peak
    values *= rng.random(values.shape) < np.array([1, 1, 0, 0.1, 0.9, 1]).reshape(-1, *[1] * (len(shape) + 1))
    frames = np.moveaxis(values, -1, 0).astype(np.int32)
    lead = run_sigma_delta_stage(stage, frames[:0, :1], stage.lead)
    layer = prepared_stage(stage, shape, lead)
    assert layer.fits(peak), "the operands are chosen to stay within 32 bits"
    order = positions(shape)
    given = np.ascontiguousarray(frames.reshape(_STEPS, 6, -1)[:, :, order].swapaxes(0, 1))
    sent = run_prepared(layer, given, _STEPS)
    silence = np.zeros((max(0, stage.lead - 1), *frames.shape[1:]), dtype=np.int32)
    run = run_sigma_delta_stage(stage, np.concatenate([silence, frames]), stage.lead + _STEPS)
    here, back = slice(stage.lead, None), positions(stage.shape)
    messages = run.messages[here].reshape(_STEPS, 6, -1)[:, :, back]
    counts = [run.events[here], *np.moveaxis(run.operations[here], -1, 0), (messages != 0).sum(axis=2)]
    cuts = [(mask[here].reshape(_STEPS, 6, -1)).sum(axis=2) for mask in (run.cut, run.wrapped)]
    pairs = [
        (sent.messages, messages.swapaxes(0, 1)),
        (sent.totals, run.after.total.reshape(6, -1)[:, back]),
        (sent.counts, np.stack(counts).swapaxes(1, 2)),
        (sent.cuts, np.stack(cuts).swapaxes(1, 2)),
    ]
    largest = int(np.abs(messages.astype(np.int64)).max(initial=0))
    return sent.peak == min(largest, (1 << 31) - 1) and all(np.array_equal(*pair) for pair in pairs)


def _stages(kind: str, weights: str, rng: np.random.Generator) -> list[SigmaDeltaStage]:
    low, high = _RANGES[weights]
    if kind == "encoder":
        shape: Shape = (3, 5, 7)
        return [
            SigmaDeltaStage(
                0, "0", Input(shape, SigmaDelta(0)), shape, shape, 0, neurons, 0, None, None, None, None
            )
            for neurons in (_neurons("delta", threshold, 0, rng) for threshold in (0, 500 << 12))
        ]
    size = (_NEURONS, _INPUTS // 4, 2, 2) if kind == "conv" else (_NEURONS, _INPUTS)
    matrices = [np.full(size, low), np.full(size, high), rng.integers(low, high + 1, size)]
    made = []
    for matrix in matrices:
        # an odd weight keeps the others from being divided by a power of two
        matrix.flat[:3] = [low, high, high | 1]
        for neurons in (
            _neurons("sigma_delta", 1 << 14, 1 << 20, rng),
            _neurons("sigma_delta", 0, (1 << 31) - 1, rng),
            _neurons("sigma", 0, 0, rng),
        ):
            made.append(_stage(kind, matrix.astype(np.int32), neurons))
    return made


def _stage(kind: str, matrix: np.ndarray, neurons: Neurons) -> SigmaDeltaStage:
    neuron = SigmaDelta(0)
    fan = np.arange(2 * _INPUTS, dtype=np.int64).reshape(_INPUTS, 2)
    if kind == "conv":
        shape: Shape = (_NEURONS, 3, 3)
        layer: Conv | Dense = Conv(matrix, neuron, shape, padding=(1, 1))
        source: Shape = (_INPUTS // 4, 2, 2)
        neurons = Neurons(neurons.kind, neurons.threshold, neurons.bias.reshape(-1, 1, 1))
    else:
        layer, shape, source = Dense(matrix, neuron), (_NEURONS,), (_INPUTS,)
    loaded = LoadedWeight(matrix, 0 if kind == "conv" else 1)
    return SigmaDeltaStage(0, "0", layer, source, shape, 1, neurons, 0, loaded, None, fan, None)


def _neurons(kind: str, threshold: int, bias: int, rng: np.random.Generator) -> Neurons:
    biases = rng.integers(-bias, bias + 1, 1 if kind == "delta" else _NEURONS)
    return Neurons(kind, threshold, biases.astype(np.int32))  # type: ignore[arg-type]
