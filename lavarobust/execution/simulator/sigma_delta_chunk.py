"""A chunk of samples through all layers of a sigma-delta model, as :mod:`.chunk` has it for spikes.

Lava starts every layer at once, and biases are at work in a layer before the first frame reaches it. What
happens in these steps is the same for every sample, so it is run once for a model; counts begin with a
layer's window.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from math import prod

import numpy as np

from lavarobust.execution.simulator.chunk import Chunk
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.sigma_delta_reference import SigmaDeltaRun, run_sigma_delta_stage
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage

LARGEST_CHUNK = 16
"""Samples: messages between layers stay in a cache."""

_BYTES_PER_STATE = 128
"""Peak bytes per neuron, step and sample of the reference."""


@dataclass(frozen=True, eq=False)
class _Sent:
    """What a population did in a window.

    Attributes:
        messages: ``(N, T, neurons)`` int32 in (H, W, C) order.
        totals: ``(N, neurons)`` int32 sums at the window's end, in the same order.
        counts: input_events, synops, synops_dense, spikes, cut_sums, wraps and clips, ``(N, T)`` each.
    """

    messages: np.ndarray
    totals: np.ndarray
    counts: dict[str, np.ndarray]


def run_sigma_delta_chunk(
    stages: tuple[SigmaDeltaStage, ...], frames: np.ndarray, steps: int, keep: Collection[int]
) -> Chunk:
    """Run samples ``(N, *shape, F)`` through all layers.

    Args:
        keep: indices into the model's layers whose messages are wanted.

    Raises:
        BackendError: a convolution's sum that leaves the 32 bits in which Lava holds it.
    """
    flat = frames.reshape(len(frames), -1, frames.shape[-1])
    source = frames.shape[1:-1]
    window = np.ascontiguousarray(flat[:, positions(source)].transpose(0, 2, 1), dtype=np.int32)
    before = np.zeros((0, 1, *source), dtype=np.int32)
    counts, rasters = [], {}
    for stage, lead in zip(stages, lead_runs(stages), strict=True):
        sent = _by_reference(stage, before, window, source, steps)
        window, source, before = sent.messages, stage.shape, lead.messages
        counts.append(sent.counts)
        if stage.index in keep:
            rasters[stage.index] = np.moveaxis(_in_file_order(window, source), 1, -1)
    return Chunk(
        _in_file_order((window != 0).sum(axis=1, dtype=np.int64), source).reshape(len(frames), -1),
        _in_file_order(sent.totals, source).reshape(len(frames), -1).astype(np.int64),
        counts,
        rasters,
    )


@lru_cache(maxsize=16)
def lead_runs(stages: tuple[SigmaDeltaStage, ...]) -> tuple[SigmaDeltaRun, ...]:
    """What every layer does before the first frame can reach it, of one sample."""
    runs: list[SigmaDeltaRun] = []
    arriving = np.zeros((0, 1, *stages[0].input_shape), dtype=np.int32)
    for stage in stages:
        runs.append(run_sigma_delta_stage(stage, arriving, stage.lead))
        arriving = runs[-1].messages
    return tuple(runs)


def cut_neurons(
    stages: tuple[SigmaDeltaStage, ...], wanted: SigmaDeltaStage, frames: np.ndarray, step: int
) -> np.ndarray:
    """``(neurons,)`` bool: whose sum, input or state lost bits in a step of the layer's window.

    Args:
        frames: ``(1, *shape, F)``.
    """
    arriving = np.moveaxis(frames, -1, 0)
    for stage in stages:
        run = run_sigma_delta_stage(stage, arriving, stage.lead + step + 1)
        if stage is wanted:
            break
        arriving = run.messages
    lost: np.ndarray = (run.cut[-1, 0] | run.wrapped[-1, 0]).reshape(-1)
    return lost


def bytes_per_sample(stages: tuple[SigmaDeltaStage, ...], steps: int) -> int:
    """Bytes that :func:`run_sigma_delta_chunk` holds at a time for each sample."""
    return max(
        _BYTES_PER_STATE * (prod(stage.input_shape) + prod(stage.shape)) * (steps + stage.lead)
        for stage in stages
    )


def _by_reference(
    stage: SigmaDeltaStage, before: np.ndarray, window: np.ndarray, source: tuple[int, ...], steps: int
) -> _Sent:
    samples = len(window)
    lead = np.broadcast_to(before, (len(before), samples, *source))
    arriving = np.concatenate([lead, _in_file_order(window, source).swapaxes(0, 1)])
    run = run_sigma_delta_stage(stage, arriving, stage.lead + steps)
    here = slice(stage.lead, None)
    order = positions(stage.shape)
    messages = run.messages[here].reshape(steps, samples, -1)
    operations = run.operations[here]
    counts = {
        "input_events": run.events[here],
        "synops": operations[..., 0],
        "synops_dense": operations[..., 1],
        "spikes": (messages != 0).sum(axis=2),
        "cut_sums": run.cut[here].reshape(steps, samples, -1).sum(axis=2),
        "wraps": run.wrapped[here].reshape(steps, samples, -1).sum(axis=2),
        "clips": np.zeros((steps, samples), dtype=np.int64),
    }
    return _Sent(
        np.ascontiguousarray(messages[:, :, order].swapaxes(0, 1)),
        run.after.total.reshape(samples, -1)[:, order],
        {name: np.ascontiguousarray(count.T) for name, count in counts.items()},
    )


def _in_file_order(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``(..., *shape)`` of values ``(..., neurons)`` in (H, W, C) order."""
    back = np.argsort(positions(shape))
    return values[..., back].reshape(*values.shape[:-1], *shape)
