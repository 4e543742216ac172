"""A chunk of samples through all layers of a sigma-delta model, as :mod:`.chunk` has it for spikes.

Lava starts every layer at once, and biases are at work in a layer before the first frame reaches it. What
happens in these steps is the same for every sample, so it is run once for a model; counts begin with a
layer's window.
"""

from __future__ import annotations

from collections.abc import Collection
from math import prod

import numpy as np

from lavarobust.execution.simulator.chunk import Chunk
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.sigma_delta_prepared import (
    PreparedSigmaDelta,
    SigmaDeltaSent,
    run_prepared,
)
from lavarobust.execution.simulator.sigma_delta_reference import run_sigma_delta_stage
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage
from lavarobust.execution.simulator.sigma_delta_trust import sigma_delta_is_exact

LARGEST_CHUNK = 16
"""Samples: messages between layers stay in a cache."""

_COUNTS = ("input_events", "synops", "synops_dense", "spikes")
_REFERENCE_BYTES = 128
"""Peak bytes per neuron, step and sample of the reference."""


def run_sigma_delta_chunk(
    layers: tuple[PreparedSigmaDelta, ...],
    frames: np.ndarray,
    steps: int,
    keep: Collection[int],
    memory_limit: int,
) -> Chunk:
    """Run samples ``(N, *shape, F)`` through all layers.

    Args:
        keep: indices into the model's layers whose messages are wanted.
        memory_limit: bytes that a layer's reference may take.

    Raises:
        BackendError: a convolution's sum that leaves the 32 bits in which Lava holds it.
    """
    flat = frames.reshape(len(frames), -1, frames.shape[-1])
    source = frames.shape[1:-1]
    window = np.ascontiguousarray(flat[:, positions(source)].transpose(0, 2, 1), dtype=np.int32)
    before = np.zeros((0, 1, *source), dtype=np.int32)
    peak = max(int(window.max(initial=0)), -int(window.min(initial=0)))
    counts, rasters = [], {}
    for layer in layers:
        stage = layer.stage
        if not layer.stepwise and layer.fits(peak) and sigma_delta_is_exact(layer):
            sent = run_prepared(layer, window, steps)
        else:
            per_sample = _REFERENCE_BYTES * (prod(source) + prod(stage.shape)) * (steps + stage.lead)
            together = max(1, memory_limit // per_sample)
            parts = [window[n : n + together] for n in range(0, len(window), together)]
            sent = _joined([_by_reference(stage, before, part, source, steps) for part in parts])
        window, source, before, peak = sent.messages, stage.shape, layer.lead.messages, sent.peak
        cut_sums, wraps = sent.cuts
        counts.append(dict(zip(_COUNTS, sent.counts, strict=True)))
        counts[-1] |= {"cut_sums": cut_sums, "wraps": wraps, "clips": np.zeros_like(wraps)}
        # a neuron that holds sums over frames is never at rest
        counts[-1]["active_updates"] = np.full_like(wraps, prod(stage.shape))
        if stage.index in keep:
            rasters[stage.index] = np.moveaxis(_in_file_order(window, source), 1, -1)
    return Chunk(
        _in_file_order((window != 0).sum(axis=1, dtype=np.int64), source).reshape(len(frames), -1),
        _in_file_order(sent.totals, source).reshape(len(frames), -1).astype(np.int64),
        counts,
        rasters,
    )


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


def bytes_per_sample(layers: tuple[PreparedSigmaDelta, ...], frames: int, steps: int) -> int:
    """Bytes that :func:`run_sigma_delta_chunk` holds at a time for each sample, references apart."""
    stimulus = 4 * prod(layers[0].stage.input_shape) * frames
    sent = max(4 * prod(layer.stage.shape) * steps for layer in layers)
    return stimulus + 2 * sent + 4 * (len(_COUNTS) + 3) * steps * len(layers)


def _by_reference(
    stage: SigmaDeltaStage, before: np.ndarray, window: np.ndarray, source: tuple[int, ...], steps: int
) -> SigmaDeltaSent:
    samples = len(window)
    lead = np.broadcast_to(before, (len(before), samples, *source))
    arriving = np.concatenate([lead, _in_file_order(window, source).swapaxes(0, 1)])
    run = run_sigma_delta_stage(stage, arriving, stage.lead + steps)
    here, order = slice(stage.lead, None), positions(stage.shape)
    messages = run.messages[here].reshape(steps, samples, -1)
    operations = run.operations[here]
    counts = [run.events[here], operations[..., 0], operations[..., 1], (messages != 0).sum(axis=2)]
    cuts = [mask[here].reshape(steps, samples, -1).sum(axis=2) for mask in (run.cut, run.wrapped)]
    return SigmaDeltaSent(
        np.ascontiguousarray(messages[:, :, order].swapaxes(0, 1)),
        run.after.total.reshape(samples, -1)[:, order],
        np.ascontiguousarray(np.stack(counts).swapaxes(1, 2), dtype=np.int32),
        np.ascontiguousarray(np.stack(cuts).swapaxes(1, 2), dtype=np.int32),
        int(np.abs(messages.astype(np.int64)).max(initial=0)),
    )


def _joined(parts: list[SigmaDeltaSent]) -> SigmaDeltaSent:
    return SigmaDeltaSent(
        np.concatenate([part.messages for part in parts]),
        np.concatenate([part.totals for part in parts]),
        np.concatenate([part.counts for part in parts], axis=1),
        np.concatenate([part.cuts for part in parts], axis=1),
        max(part.peak for part in parts),
    )


def _in_file_order(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """``(..., *shape)`` of values ``(..., neurons)`` in (H, W, C) order."""
    back = np.argsort(positions(shape))
    return values[..., back].reshape(*values.shape[:-1], *shape)
