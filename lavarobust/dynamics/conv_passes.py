"""Both passes of a convolution and its neurons through the compiled loops, shared out among threads."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from lavarobust.dynamics import fused, gather, reuse
from lavarobust.dynamics.aligned import aligned_zeros
from lavarobust.dynamics.conv_kernels import Made, Neurons, Room, Wanted, go_back_samples, run_samples
from lavarobust.dynamics.geometry import Geometry
from lavarobust.dynamics.kernels import BLOCK
from lavarobust.dynamics.population import LIF, STATE_UNIT
from lavarobust.dynamics.rows import LANES
from lavarobust.dynamics.sharing import share_out
from lavarobust.netx.limits import DECAY_UNITY

PARTS = 4
"""Parts of the samples for each thread, so that one whose core is busy elsewhere holds nobody up."""


def run(
    frames: np.ndarray, weight: np.ndarray, bias: torch.Tensor, geometry: Geometry, steps: int, neuron: LIF,
    keep: bool, learns: bool, limit: float,
) -> Made:  # fmt: skip
    """Forward through the compiled loops: ``(F, N, H * W * C)`` float32 integers within ``limit``.

    Args:
        keep, learns: whether gradients are wanted, and whether one of them is the weight's.
    """
    count, samples, inputs = frames.shape
    way = gather.forward(geometry)
    blocks, neurons = way.blocks, way.blocks.neurons
    padded = blocks.rows * LANES
    state_units = aligned_zeros(padded, np.int32)
    state_units[:neurons] = bias.detach().expand(geometry.outputs).permute(1, 2, 0).flatten().numpy()
    made = Made(
        inputs=reuse.empty((count if keep else 0, samples, inputs if learns else 0), np.int8),
        spikes=reuse.empty((steps, samples, neurons), np.float32),
        before_reset=reuse.empty((steps if keep else 0, samples, padded), np.float32),
        current=reuse.zeros((samples, padded), np.int32),
        potential=reuse.zeros((samples, padded), np.int32),
        wraps=reuse.empty((steps, samples), np.int64),
        clips=reuse.empty((steps, samples), np.int64),
        active=reuse.empty((steps, samples), np.int64),
        tops=reuse.zeros((samples, 2 * LANES), np.int32),
        beyond=reuse.zeros((samples, 3), np.int64),
    )
    population = Neurons(
        state_units,
        np.int32(DECAY_UNITY - neuron.current_decay),
        np.int32(DECAY_UNITY - neuron.voltage_decay),
        np.int32(neuron.threshold * STATE_UNIT),
        np.int32(-1 if neuron.reset == "soft" else 0),
    )
    laid_out = way.lay_out(weight)

    def part(first: int, last: int) -> None:
        room = (_zeros(blocks.source.size), _zeros(blocks.room), _zeros(blocks.room))
        run_samples(frames, np.float32(limit), laid_out, blocks, population, made, *room, first, last)

    share_out(part, samples, PARTS)
    return made


def go_back(
    inputs: np.ndarray, before_reset: np.ndarray, weight: np.ndarray, geometry: Geometry, neuron: LIF,
    given: tuple[torch.Tensor | None, ...], asked: tuple[bool, ...], learning: bool,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None, np.ndarray]:  # fmt: skip
    """Gradients of inputs ``(F, N, inputs)``, the weight and biases ``(K,)``, each if asked; and where the
    population's scalars learn, each neuron's parts of theirs ``(N, 2, K)``."""
    steps, samples, _ = before_reset.shape
    of_inputs, of_weight, of_bias = asked
    way, back = gather.forward(geometry), gather.backward(geometry)
    blocks, neurons = way.blocks, way.blocks.neurons
    d_spikes = reuse.zeros((steps, samples, neurons), np.float32) if given[0] is None else _own(given[0])
    # what is advanced in place is a copy
    d_current, d_potential = (reuse.zeros((samples, neurons), np.float32) for _ in given[1:])
    for state, end in zip((d_current, d_potential), given[1:], strict=True):
        if end is not None:
            state[:] = _own(end).reshape(samples, neurons)
    wanted = Wanted(
        inputs=inputs,
        before_reset=before_reset,
        d_spikes=d_spikes.reshape(steps, samples, neurons),
        d_weights=reuse.zeros((samples, len(way.index) if of_weight else 0), np.float32),
        d_frames=reuse.empty((len(inputs) if of_inputs else 0, samples, prod(geometry.inputs)), np.float32),
        d_bias=reuse.zeros((samples, neurons if of_bias else 0), np.float32),
        d_current=d_current,
        d_potential=d_potential,
        d_learnt=reuse.zeros((samples, 2, neurons if learning else 0), np.float32),
    )
    laid_out = back.lay_out(weight)
    passing = fused.passing(neuron, torch.Size((samples, neurons)), learning)

    def part(first: int, last: int) -> None:
        room = Room(
            source=_zeros(blocks.source.size),
            d_source=_zeros(back.blocks.source.size),
            d_target=_zeros(blocks.room),
            d_input=_zeros(back.blocks.room),
            slope=_zeros(BLOCK),
            rest=_zeros(BLOCK),
        )
        go_back_samples(wanted, blocks, laid_out, back.blocks, passing, room, first, last)

    share_out(part, samples, PARTS)
    d_bias = wanted.d_bias.sum(axis=0) if of_bias else None
    d_weight = way.collect(wanted.d_weights.sum(axis=0)) if of_weight else None
    return (wanted.d_frames if of_inputs else None), d_weight, d_bias, wanted.d_learnt


def _own(given: torch.Tensor) -> np.ndarray:
    return given.detach().float().contiguous().numpy()


def _zeros(size: int) -> np.ndarray:
    return aligned_zeros(size, np.float32)


def flat(frames: torch.Tensor) -> np.ndarray:
    """``(F, N, H * W * C)`` of ``(F, N, C, H, W)``, over the same memory where that is channels last."""
    return frames.detach().movedim(2, -1).contiguous().flatten(2).numpy()
