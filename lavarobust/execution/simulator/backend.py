"""The simulator as an execution backend: chunks of samples within a memory limit, exact counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np

from lavarobust.execution.fitting import fitting
from lavarobust.execution.simulator.chunk import bytes_per_sample, run_chunk
from lavarobust.execution.simulator.prepared import Prepared, prepare
from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.execution.simulator.strict import refuse_changed_parameters, refuse_cuts
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import LayerCounts, Record, Stimulus, decide, joined

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
        fits = self.memory_limit // bytes_per_sample(layers, stimulus.frames.shape[-1], stimulus.steps)
        chunk = max(1, min(fits, _LARGEST_CHUNK))
        record = joined(
            (
                self._run(
                    model, layers, replace(stimulus, frames=stimulus.frames[n : n + chunk]), readout, keep
                )
                for n in range(0, stimulus.samples, chunk)
            ),
            stimulus.samples,
        )
        if self.strict:
            refuse_cuts(model, stimulus, record)
        return record

    def _run(
        self,
        model: Model,
        layers: tuple[Prepared, ...],
        stimulus: Stimulus,
        readout: ReadoutKind,
        keep: Collection[int],
    ) -> Record:
        """One chunk."""
        by_potential = readout == "membrane"
        done = run_chunk(layers, stimulus.frames, stimulus.steps, by_potential, keep, self.memory_limit)
        prediction, tied = decide(done.potential if by_potential else done.output_counts)
        graded_first = not stimulus.binary
        return Record(
            backend=self.name,
            model=model.name,
            steps=stimulus.steps,
            readout=readout,
            prediction=prediction,
            tied=tied,
            output_counts=done.output_counts,
            potential=done.potential if by_potential else None,
            layers=tuple(
                _counts(layer.stage, counts, graded_first and i == 0)
                for i, (layer, counts) in enumerate(zip(layers, done.layers, strict=True))
            ),
            rasters=done.rasters,
        )


def _counts(stage: Stage, counts: dict[str, np.ndarray], graded: bool) -> LayerCounts:
    return LayerCounts(
        name=stage.name,
        neurons=int(np.prod(stage.shape)),
        graded_input=graded,
        biased=stage.biased,
        **counts,
    )
