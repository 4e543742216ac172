"""No compiled loop is believed: each kind is tried on the hardest operands before it first runs a layer.

A kind is a loop compiled for one width of weights and one of sums. It is held against the reference,
which computes in floating point what it can prove exact, on weights all at their lowest, all at their
highest and at random over their whole range, for no, few, most and all inputs at once.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch

from lavarobust.execution.simulator.integers import Sent, events, run_layer, spikes
from lavarobust.execution.simulator.order import pack, positions, values
from lavarobust.execution.simulator.prepared import Prepared, prepare
from lavarobust.execution.simulator.reference import run_reference
from lavarobust.execution.simulator.stages import Synapse, compile_model
from lavarobust.netx.model import Conv, Dense, Model, Neuron, Reset, Shape

_STEPS = 6
_NEURONS = 40
"""More than a row of 32, and not two."""

_PEAK = 63
"""As large as graded inputs may be with states still in 32 bits."""

_RANGES = {"int8": (-128, 127), "int16": (-254, 253), "int32": (-254, 253)}


class Kind(NamedTuple):
    """What decides which machine code runs a layer.

    Attributes:
        layer: ``conv``, ``dense`` or ``recurrent``.
        weights, sums: types of its :class:`Patches`, by name.
        graded: whether its inputs are events with values.
    """

    layer: str
    weights: str
    sums: str
    graded: bool


@lru_cache(maxsize=64)
def kind_of(layer: Prepared, graded: bool) -> Kind:
    """The kind that would run a layer."""
    name = "recurrent" if layer.recurrent else "dense" if layer.dense else "conv"
    return Kind(name, layer.patches.weights.dtype.name, layer.patches.full.dtype.name, graded)


@lru_cache(maxsize=64)
def is_exact(kind: Kind) -> bool:
    """Whether a kind of loop sums, steps and counts as the reference does, on every operand tried.

    Where it doesn't, a warning says so, and its layers run through the reference.
    """
    rng = np.random.default_rng(0)
    exact = all(
        _agrees(layer, frames, kind.graded)
        for layer in _layers(kind, rng)
        for frames in _inputs(layer.stage.input_shape, kind.graded, rng)
    )
    if not exact:
        warnings.warn(
            f"on this machine the compiled loop for {kind.layer} layers with {kind.weights} weights and "
            f"{kind.sums} sums computes wrong integers; such layers run through the slower reference instead",
            RuntimeWarning,
            stacklevel=2,
        )
    return exact


def _agrees(layer: Prepared, frames: np.ndarray, graded: bool) -> bool:
    order = positions(layer.stage.input_shape)
    arrivals = events(values(frames, order)) if graded else spikes(pack(frames, order))
    peak = int(np.abs(frames).max()) if graded else None
    plan = layer.plan(peak, _STEPS, _STEPS)
    assert plan is not None, "the operands are chosen to stay within 32 bits"
    got = run_layer(layer, plan, arrivals, potential=True)
    expected = run_reference(layer.stage, frames, _STEPS, 1 << 28)
    return all(np.array_equal(getattr(got, name), getattr(expected, name)) for name in Sent.__annotations__)


def _layers(kind: Kind, rng: np.random.Generator) -> list[Prepared]:
    """Layers of one kind: weights at their lowest, highest, and over their whole range."""
    low, high = _RANGES[kind.weights]
    # as many inputs as keep a sum of the largest weights within 16 bits, or take it beyond them
    inputs = (1 << 15) // -low - 8 if kind.sums == "int16" else 300
    size = (_NEURONS, inputs // 4, 2, 2) if kind.layer == "conv" else (_NEURONS, inputs)
    matrices = [np.full(size, low), np.full(size, high), rng.integers(low, high + 1, size)]
    resets: tuple[Reset, ...] = ("hard", "soft", "soft")
    return [_layer(matrix, kind, rng, reset) for matrix, reset in zip(matrices, resets, strict=True)]


def _layer(matrix: np.ndarray, kind: Kind, rng: np.random.Generator, reset: Reset) -> Prepared:
    low, high = _RANGES[kind.weights]
    # an odd weight keeps the others from being divided by a power of two
    matrix.flat[:3] = [low, high, high | 1]
    decays = int(rng.integers(1, 4096)), int(rng.integers(1, 4096))
    neuron, recurrent = Neuron(*decays, 2000, reset=reset), None
    if kind.layer == "conv":
        shape: Shape = (matrix.shape[1], 4, 4)
        layer: Conv | Dense = Conv(_plain(matrix), neuron, (_NEURONS, 5, 5), padding=(1, 1))
    else:
        shape = matrix.shape[1:]
        recurrent = rng.integers(low, high + 1, (_NEURONS, _NEURONS)) if kind.layer == "recurrent" else None
        layer = Dense(
            _plain(matrix), neuron, recurrent_weight=None if recurrent is None else _plain(recurrent)
        )
    # the loader would change such weights, and these loops must bear any
    [stage] = compile_model(Model((layer,), shape))
    stage = replace(
        stage, synapse=_synapse(matrix), recurrent=None if recurrent is None else _synapse(recurrent)
    )
    [prepared] = prepare((stage,), shape)
    types = kind.weights, kind.sums
    back = None if prepared.recurrent is None else prepared.recurrent.widened(*types)
    return replace(prepared, patches=prepared.patches.widened(*types), recurrent=back)


def _plain(matrix: np.ndarray) -> np.ndarray:
    """Weights that loading keeps, zero where these are."""
    plain = np.where(matrix == 0, 0, 2).astype(np.int32)
    plain.flat[0] = -2
    return plain


def _synapse(weight: np.ndarray) -> Synapse:
    return Synapse(torch.from_numpy(weight.astype(np.float64)), 0)


def _inputs(shape: tuple[int, ...], graded: bool, rng: np.random.Generator) -> list[np.ndarray]:
    """Frames ``(N, *shape, F)`` from none to all inputs active, one share to a sample."""
    shares = np.array([0.0, 0.1, 0.9, 1.0]).reshape(-1, *[1] * (len(shape) + 1))
    active = rng.random((len(shares), *shape, _STEPS)) < shares
    if not graded:
        return [active.astype(np.int32)]
    lowest, highest = (active * np.int32(value) for value in (-_PEAK, _PEAK))
    return [lowest, highest, (active * rng.integers(-_PEAK, _PEAK + 1, active.shape)).astype(np.int32)]
