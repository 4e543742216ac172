"""A chunk of samples through all layers: each by the compiled loop, or by the reference where it must."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from lavarobust.execution.simulator.gating import pass_gate
from lavarobust.execution.simulator.integers import Sent, events, nothing, run_layer, spikes
from lavarobust.execution.simulator.order import pack, positions, unpack, values, words_of
from lavarobust.execution.simulator.prepared import Prepared
from lavarobust.execution.simulator.reference import run_reference
from lavarobust.execution.simulator.stages import Stage, count_names
from lavarobust.execution.simulator.trust import is_exact, kind_of
from lavarobust.execution.simulator.window import Arrivals
from lavarobust.netx.limits import STATE_SHIFT
from lavarobust.netx.model import Input, Shape
from lavarobust.record import Stimulus

CUTS = ("cut_sums", "wraps", "clips")


@dataclass(frozen=True, eq=False)
class Chunk:
    """What a chunk of N samples did.

    Attributes:
        output_counts: ``(N, classes)`` int64, spikes of the last layer.
        potential: ``(N, classes)`` int64 of the last layer at the window's end; no rows unless asked for.
        layers: per layer its counts ``(N, T)`` by their names in :class:`LayerCounts`.
        rasters: layer index to ``(N, *shape, T)`` uint8.
    """

    output_counts: np.ndarray
    potential: np.ndarray
    layers: list[dict[str, np.ndarray]]
    rasters: dict[int, np.ndarray]


@dataclass(frozen=True, eq=False)
class _Flow:
    """What goes from one population to the next: spikes as words, or values: the stimulus, or sums."""

    shape: Shape
    words: np.ndarray | None = None
    stimulus: Any = None

    @property
    def frames(self) -> np.ndarray:
        """``(N, *shape, F)`` integers."""
        return self.stimulus if self.words is None else unpack(self.words, self.shape)

    @property
    def steps(self) -> int:
        """F."""
        return self.stimulus.shape[-1] if self.words is None else self.words.shape[1]

    @property
    def peak(self) -> int | None:
        """The largest magnitude of graded events; None for spikes."""
        if self.words is not None:
            return None
        low, high = int(self.stimulus.min(initial=0)), int(self.stimulus.max(initial=0))
        return None if low == 0 and high <= 1 else max(high, -low)

    def arrivals(self) -> Arrivals:
        if self.words is not None:
            return spikes(self.words)
        order = positions(self.shape)
        if self.peak is None:
            return spikes(pack(self.frames, order))
        return events(values(self.frames, order))


def run_chunk(
    layers: tuple[Prepared, ...],
    stimulus: Stimulus,
    potential: bool,
    keep: Collection[int],
    memory_limit: int,
) -> Chunk:
    """Run samples through all layers.

    Args:
        potential: whether the last layer's potentials are wanted.
        keep: indices into the model's layers whose rasters are wanted.
        memory_limit: bytes that a layer's reference may take.
    """
    frames, steps, keys = stimulus.frames, stimulus.steps, stimulus.gate_keys
    flow = _Flow(frames.shape[1:-1], stimulus=frames)
    joining = {path.source for layer in layers for path in layer.stage.joining}
    flows: dict[int, _Flow] = {}
    counts: list[dict[str, np.ndarray]] = []
    rasters = {}
    for position, layer in enumerate(layers):
        stage = layer.stage
        beside = [flows[path.source] for path in stage.joining]
        sent = _run(layer, flow, beside, steps, potential and layer is layers[-1], memory_limit)
        if stage.gate is not None:
            sent = pass_gate(sent, stage.gate, stage.shape, keys)
        counted = dict(zip(count_names(stage), sent.counts, strict=True))
        counted |= dict(zip(CUTS, sent.cuts, strict=True))
        if counts and not beside:  # the same numbers: held once
            counted["input_events"] = counts[-1]["spikes"]
        counts.append(counted)
        flow = _Flow(stage.shape, sent.words if sent.values is None else None, sent.values)
        if position in joining:
            flows[position] = flow
        if stage.index in keep:
            rasters[stage.index] = flow.frames
    back = np.argsort(positions(stage.shape))
    return Chunk(
        flow.frames.reshape(len(frames), -1, steps).sum(axis=-1, dtype=np.int64),
        sent.potential[:, back].astype(np.int64),
        counts,
        rasters,
    )


def bytes_per_sample(layers: tuple[Prepared, ...], frames: int, steps: int) -> int:
    """Bytes that :func:`run_chunk` holds at a time for each sample, references apart."""
    stimulus = 4 * prod(layers[0].stage.input_shape) * frames
    sent = [_bytes_sent(layer.stage) * steps for layer in layers]
    kept = sum(sent[source] for source in {path.source for layer in layers for path in layer.stage.joining})
    counted = sum(4 * (len(count_names(layer.stage)) + len(CUTS)) * steps for layer in layers)
    return stimulus + 2 * max(sent) + kept + counted


def _bytes_sent(stage: Stage) -> int:
    """In every step."""
    neurons = prod(stage.shape)
    return 8 * words_of(neurons) if stage.sum_shift is None else 4 * neurons


def _run(
    layer: Prepared, flow: _Flow, beside: list[_Flow], steps: int, potential: bool, memory_limit: int
) -> Sent:
    stage = layer.stage
    if layer.by_reference:
        frames = flow.frames.reshape(-1, *stage.input_shape, flow.steps)
        return run_reference(stage, frames, steps, memory_limit, tuple(other.frames for other in beside))
    if isinstance(stage.layer, Input):
        return _driven(layer, flow, steps, potential)
    plan = layer.plan(flow.peak, flow.steps, steps)
    exact = plan is not None and stage.delays is None and is_exact(kind_of(layer, flow.peak is not None))
    if plan is None or not exact:
        frames = flow.frames.reshape(-1, *stage.input_shape, flow.steps)
        return run_reference(stage, frames, steps, memory_limit)
    return run_layer(layer, plan, flow.arrivals(), potential)


def _driven(layer: Prepared, flow: _Flow, steps: int, potential: bool) -> Sent:
    """An input population: the one frame is its neurons' int16 bias mantissa for the whole window."""
    given = flow.frames[..., 0].reshape(len(flow.frames), -1)
    mantissa = given.astype(np.int16)
    bias = mantissa[:, positions(flow.shape)].astype(np.int32) << STATE_SHIFT
    plan = layer.plan(None, 0, steps, int(np.abs(bias).max(initial=0)))
    assert plan is not None, "a current of zero and a bias of 22 bits stay in 32"
    sent = run_layer(layer, plan, nothing(len(bias)), potential, bias)
    lost = (mantissa != given).sum(axis=1)
    if not lost.any():
        return sent
    cuts = sent.cuts.copy()
    cuts[0, :, 0] += lost.astype(cuts.dtype)
    return replace(sent, cuts=cuts)
