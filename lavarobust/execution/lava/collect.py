"""From what the populations wrote to the record: order, input events, synaptic operations."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from lavarobust.execution.lava.shared import Trace
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.fanout import fan_out, recurrent_fan_out
from lavarobust.netx.graph import branches, only_adds, sends_values
from lavarobust.netx.loader_rules import effective_bias
from lavarobust.netx.model import Conv, Dense, Input, Model, Neuron, Shape
from lavarobust.record import LayerCounts, Record, Stimulus, decide

Population = Input | Dense | Conv
FanOuts = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class PopulationSlice:
    """What one population did in S consecutive samples, neurons flat in (C, H, W) order.

    Attributes:
        spikes: ``(S, T, neurons)`` uint8, or int32 messages.
        wraps, clips, active: ``(S, T)`` int64.
        current, potential: ``(S, neurons)`` int32, at the window's end.
    """

    spikes: np.ndarray
    wraps: np.ndarray
    clips: np.ndarray
    active: np.ndarray
    current: np.ndarray
    potential: np.ndarray


def from_lava_order(values: np.ndarray, shape: Shape) -> np.ndarray:
    """``(..., neurons)`` in Lava's (W, H, C) order to (C, H, W) order, still flat."""
    if len(shape) == 1:
        return values
    leading = values.shape[:-1]
    axes = tuple(range(len(leading)))
    spatial = tuple(range(len(leading) + len(shape) - 1, len(leading) - 1, -1))
    ordered = np.transpose(values.reshape(*leading, *shape[::-1]), axes + spatial)
    return np.reshape(ordered, values.shape)


def population_slice(trace: Trace, samples: np.ndarray, shape: Shape) -> PopulationSlice:
    """What a population of a shape wrote in these samples' windows."""
    rows, steps = samples % trace.spikes.shape[0], trace.steps
    return PopulationSlice(
        spikes=from_lava_order(trace.spikes[rows, :steps], shape),
        wraps=trace.wraps[rows, :steps],
        clips=trace.clips[rows, :steps],
        active=trace.active[rows, :steps],
        current=from_lava_order(trace.current[rows], shape),
        potential=from_lava_order(trace.potential[rows], shape),
    )


def _operations(events: np.ndarray, fan_outs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """``(T, inputs)`` bool to ``(2, T)`` int64: synaptic operations, and those with zero weights."""
    # float64 takes the fast matrix product and is exact below 2**53
    counts: np.ndarray = events.astype(np.float64) @ np.stack(fan_outs, axis=1).astype(np.float64)
    return np.transpose(counts.astype(np.int64))


class Collector:
    """Fills the arrays of a record slice by slice; a sample added again replaces itself.

    Args:
        model: what ran.
        stimulus: what it was shown.
        keep: indices of the layers whose rasters to keep.
    """

    def __init__(self, model: Model, stimulus: Stimulus, keep: Collection[int]) -> None:
        self._model, self._stimulus = model, stimulus
        samples, steps = stimulus.samples, stimulus.steps
        populations = model.populations
        shape = (len(populations), samples, steps)
        self._operations = np.zeros((3, *shape), dtype=np.int64)
        self._fed_back = np.zeros(shape, dtype=np.int64)
        self._graded = np.zeros(shape, dtype=np.int64)
        self._graded_additions = np.zeros(shape, dtype=np.int64)
        self._spikes = np.zeros(shape, dtype=np.int64)
        self._wraps = np.zeros(shape, dtype=np.int64)
        self._clips = np.zeros(shape, dtype=np.int64)
        self._active = np.zeros(shape, dtype=np.int64)
        self._rasters = {
            index: np.zeros((samples, *layer.shape, steps), dtype=_raster_type(layer))
            for index, layer in populations
            if index in keep
        }
        self._states = {
            index: np.zeros((2, samples, *layer.shape), dtype=np.int32) for index, layer in populations
        }
        self._output_counts = np.zeros((samples, int(np.prod(populations[-1][1].shape))), dtype=np.int64)
        self._feed_forward: list[FanOuts | None] = []
        self._recurrent: list[FanOuts | None] = []
        self._joining: list[tuple[Joining, ...]] = []
        input_shape = model.input_shape
        for _, layer in populations:
            self._joining.append(() if isinstance(layer, Input) else _joining(model, layer))
            self._feed_forward.append(None if isinstance(layer, Input) else fan_out(layer, input_shape))
            self._recurrent.append(_recurrent_fan_outs(layer))
            input_shape = layer.shape

    def add(self, first: int, slices: list[PopulationSlice]) -> None:
        """Take over samples ``first .. first + S``, one slice per population in order."""
        here = slice(first, first + slices[0].spikes.shape[0])
        arriving = self._frames(here)
        sent: list[np.ndarray] = []
        for position, ((index, layer), done) in enumerate(zip(self._model.populations, slices, strict=True)):
            fired = done.spikes != 0
            self._spikes[position, here] = fired.sum(axis=-1, dtype=np.int64)
            self._wraps[position, here] = done.wraps
            self._clips[position, here] = done.clips
            self._active[position, here] = done.active
            for offset, (events, spikes) in enumerate(zip(arriving, fired, strict=True)):
                self._operations[:, position, first + offset] = self._count(position, events)
                if (back := self._recurrent[position]) is not None:
                    counts = _operations(spikes, back)
                    self._fed_back[position, first + offset] = counts[0]
                    self._operations[1:, position, first + offset] += counts
            if self._graded_input(position):
                fed_back = 0 if self._model.sigma_delta else self._fed_back[position, here]
                self._graded[position, here] = self._operations[1, position, here] - fed_back
            self._graded_additions[position, here] = 0
            for joining in self._joining[position]:
                self._join(position, here, joining, sent[joining.source])
            sent.append(fired)
            self._states[index][0, here] = done.current.reshape(-1, *layer.shape)
            self._states[index][1, here] = done.potential.reshape(-1, *layer.shape)
            if index in self._rasters:
                raster = np.moveaxis(done.spikes, 1, -1)
                self._rasters[index][here] = raster.reshape(-1, *layer.shape, self._stimulus.steps)
            arriving = fired
        self._output_counts[here] = fired.sum(axis=1, dtype=np.int64)

    def record(self, backend: str, readout: ReadoutKind) -> Record:
        """Everything collected, as the record of an execution."""
        output = self._model.populations[-1][0]
        potential = self._states[output][1].reshape(self._stimulus.samples, -1).astype(np.int64)
        scores = potential if readout == "membrane" else self._output_counts
        prediction, tied = decide(scores)
        return Record(
            backend=backend,
            model=self._model.name,
            steps=self._stimulus.steps,
            readout=readout,
            prediction=prediction,
            tied=tied,
            output_counts=self._output_counts,
            potential=potential if readout == "membrane" else None,
            layers=tuple(self._counts(position) for position in range(len(self._model.populations))),
            ternary_input=self._stimulus.ternary,
            rasters=self._rasters,
        )

    def states(self) -> dict[int, np.ndarray]:
        """Layer index to ``(2, N, *shape)`` int32: current and potential at the window's end; of sigma-delta
        neurons, activation and sum."""
        return self._states

    def _frames(self, here: slice) -> np.ndarray:
        """``(S, T, inputs)`` bool, True where the stimulus holds a non-zero value."""
        frames = self._stimulus.frames[here]
        events = np.zeros((frames.shape[0], self._stimulus.steps, frames[0, ..., 0].size), dtype=bool)
        events[:, : frames.shape[-1]] = np.moveaxis(frames.reshape(*events.shape[::2], -1), -1, 1) != 0
        return events

    def _count(self, position: int, events: np.ndarray) -> np.ndarray:
        """``(3, T)``: input events, synaptic operations that they drive, and those with zero weights."""
        counts = np.zeros((3, events.shape[0]), dtype=np.int64)
        feed_forward = self._feed_forward[position]
        if feed_forward is not None:  # an input population takes values as bias, not through synapses
            counts[0] = events.sum(axis=1)
            counts[1:] = _operations(events, feed_forward)
        return counts

    def _counts(self, position: int) -> LayerCounts:
        index, layer = self._model.populations[position]
        events, synops, synops_dense = self._operations[:, position]
        joined = bool(self._joining[position])
        fed_back = self._recurrent[position] is not None and not self._model.sigma_delta
        return LayerCounts(
            name=self._model.layer_name(index),
            neurons=int(np.prod(layer.shape)),
            graded_input=self._graded_input(position),
            input_events=events,
            synops=synops,
            synops_dense=synops_dense,
            spikes=self._spikes[position],
            active_updates=self._active[position],
            wraps=self._wraps[position],
            clips=self._clips[position],
            biased=_biased_neurons(layer),
            recurrent_synops=self._fed_back[position] if fed_back else None,
            graded_synops=self._graded[position] if joined else None,
            graded_additions=self._graded_additions[position] if joined else None,
        )

    def _graded_input(self, position: int) -> bool:
        """Whether what reaches a population's own synapses carries payloads."""
        if position == 0 or self._model.sigma_delta:
            return self._model.sigma_delta or not self._stimulus.binary
        return sends_values(self._model, position - 1)

    def _join(self, position: int, here: slice, joining: Joining, events: np.ndarray) -> None:
        """Count what a shortcut brought, of events ``(S, T, neurons)``."""
        counts = np.stack([_operations(sample, joining.fan_outs) for sample in events], axis=1)
        self._operations[0, position, here] += events.sum(axis=-1)
        self._operations[1:, position, here] += counts
        if joining.graded:
            self._graded[position, here] += counts[0]
            if joining.adds:
                self._graded_additions[position, here] += counts[0]


@dataclass(frozen=True, eq=False)
class Joining:
    """A shortcut: position of its source, whether that sends values, which may only be added, its fan-out."""

    source: int
    graded: bool
    adds: bool
    fan_outs: FanOuts


def _joining(model: Model, layer: Dense | Conv) -> tuple[Joining, ...]:
    found = []
    for branch in branches(model, layer):
        shape = model.populations[branch.source][1].shape
        graded = sends_values(model, branch.source)
        adds, reached = only_adds(branch.synapse), fan_out(branch.synapse, shape)
        found.append(Joining(branch.source, graded, adds, reached))
    return tuple(found)


def _raster_type(layer: Population) -> type[np.generic]:
    return np.uint8 if isinstance(layer.neuron, Neuron) else np.int32


def _recurrent_fan_outs(layer: Population) -> FanOuts | None:
    if not isinstance(layer, Dense) or layer.recurrent_weight is None:
        return None
    return recurrent_fan_out(layer)


def _biased_neurons(layer: Population) -> int:
    if isinstance(layer, Input):
        return 0
    per_channel = int(np.prod(layer.shape[1:], dtype=np.int64))
    return int(np.count_nonzero(effective_bias(layer))) * per_channel
