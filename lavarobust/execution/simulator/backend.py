"""The simulator as an execution backend: chunks of samples within a memory limit, exact counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from lavarobust.execution.fitting import fitting
from lavarobust.execution.simulator.chunk import Chunk, bytes_per_sample, run_chunk
from lavarobust.execution.simulator.prepared import prepare
from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.execution.simulator.strict import refuse_changed_parameters, refuse_cuts
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import LayerCounts, Record, Stimulus, decide

_LARGEST_CHUNK = 256
"""Samples: more gain nothing, and spikes between layers would leave the last cache."""


@dataclass(frozen=True)
class Simulator:
    """Executes models in whole windows and batches, spike for spike as Lava's fixed-point CPU simulator.

    Attributes:
        memory_limit: bytes of intermediate arrays; samples are cut into chunks that stay below. It
            never changes a result.
        strict: whether any sum, current or potential that is cut, or a file's integer that Lava changes
            while loading, is an error; else a record counts them.
    """

    memory_limit: int = 1 << 29
    strict: bool = False
    name: str = "simulator"

    def run(
        self,
        model: Model,
        stimulus: Stimulus,
        readout: ReadoutKind = "spike_count",
        keep: Collection[int] = (),
    ) -> Record:
        """Execute a model on integer input; see :class:`lavarobust.execution.protocol.Backend`.

        Raises:
            BackendError: as the protocol says, or sums that Lava could not hold.
            PrecisionError: ``strict``, and an integer did not fit; names layer, step and neuron.
        """
        if self.strict:
            refuse_changed_parameters(model)
        stimulus = fitting(model, stimulus, keep)
        layers = prepare(compile_model(model), model.input_shape)
        steps, frames = stimulus.steps, stimulus.frames
        fits = self.memory_limit // bytes_per_sample(layers, frames.shape[-1], steps)
        chunk = max(1, min(fits, _LARGEST_CHUNK))
        parts = [
            run_chunk(layers, frames[n : n + chunk], steps, readout == "membrane", keep, self.memory_limit)
            for n in range(0, stimulus.samples, chunk)
        ]
        record = self._record(model, stimulus, readout, [layer.stage for layer in layers], parts)
        if self.strict:
            refuse_cuts(model, stimulus, record)
        return record

    def _record(
        self, model: Model, stimulus: Stimulus, readout: ReadoutKind, stages: list[Stage], parts: list[Chunk]
    ) -> Record:
        potential = np.concatenate([part.potential for part in parts]) if readout == "membrane" else None
        counts = np.concatenate([part.output_counts for part in parts])
        prediction, tied = decide(counts if potential is None else potential)
        graded_first = not stimulus.binary
        return Record(
            backend=self.name,
            model=model.name,
            steps=stimulus.steps,
            readout=readout,
            prediction=prediction,
            tied=tied,
            output_counts=counts,
            potential=potential,
            layers=tuple(
                _merge(stage, [part.layers[i] for part in parts], graded_first and i == 0)
                for i, stage in enumerate(stages)
            ),
            rasters={
                index: np.concatenate([part.rasters[index] for part in parts]) for index in parts[0].rasters
            },
        )


def _merge(stage: Stage, parts: list[dict[str, np.ndarray]], graded: bool) -> LayerCounts:
    return LayerCounts(
        name=stage.name,
        neurons=int(np.prod(stage.shape)),
        graded_input=graded,
        biased=stage.biased,
        **{name: _joined([part[name] for part in parts]) for name in parts[0]},
    )


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    """``(N, T)`` of the chunks' arrays; what is nothing throughout, as most cuts are, takes no memory."""
    if not any(part.any() for part in parts):
        return np.broadcast_to(parts[0].dtype.type(0), (sum(map(len, parts)), parts[0].shape[1]))
    return np.concatenate(parts)
