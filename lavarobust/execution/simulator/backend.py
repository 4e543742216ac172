"""The simulator as an execution backend: chunks of samples within a memory limit, exact counts."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from lavarobust.errors import BackendError
from lavarobust.execution.fitting import fitting
from lavarobust.execution.simulator import sigma_delta_chunk
from lavarobust.execution.simulator.chunk import Chunk, bytes_per_sample, run_chunk
from lavarobust.execution.simulator.device import (
    device_bytes_per_sample,
    find_device,
    run_on_device,
    stages_on,
)
from lavarobust.execution.simulator.prepared import prepare
from lavarobust.execution.simulator.sigma_delta_chunk import run_sigma_delta_chunk
from lavarobust.execution.simulator.sigma_delta_prepared import prepare_sigma_delta
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage, compile_sigma_delta
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
        device: ``cpu``, or what torch calls a GPU, e.g. ``cuda``; the integers are the same.
    """

    memory_limit: int = 1 << 29
    strict: bool = False
    device: str = "cpu"
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
            BackendError: as the protocol says, sums that Lava could not hold, or a device that is not
                there or can't run the model.
            PrecisionError: ``strict``, and an integer did not fit; names layer, step and neuron.
        """
        if self.strict:
            refuse_changed_parameters(model)
        stimulus = fitting(model, stimulus, keep)
        prepare_way = self._sigma_delta if model.sigma_delta else self._spiking
        if self.device != "cpu":
            prepare_way = self._on_device
        way = prepare_way(model, stimulus, readout, keep)
        record = joined(
            (
                self._run(model, way, stimulus.taken(slice(n, n + way.chunk)), readout)
                for n in range(0, stimulus.samples, way.chunk)
            ),
            stimulus.samples,
        )
        if self.strict:
            refuse_cuts(model, stimulus, record)
        return record

    def _spiking(self, model: Model, stimulus: Stimulus, readout: ReadoutKind, keep: Collection[int]) -> _Way:
        layers = prepare(compile_model(model), model.input_shape)
        fits = self.memory_limit // bytes_per_sample(layers, stimulus.frames.shape[-1], stimulus.steps)

        def run(part: Stimulus) -> Chunk:
            return run_chunk(layers, part, readout == "membrane", keep, self.memory_limit)

        stages = tuple(layer.stage for layer in layers)
        return _Way(stages, _graded(stages, stimulus), max(1, min(fits, _LARGEST_CHUNK)), run)

    def _sigma_delta(
        self, model: Model, stimulus: Stimulus, readout: ReadoutKind, keep: Collection[int]
    ) -> _Way:
        stages = compile_sigma_delta(model)
        layers = prepare_sigma_delta(stages, model.input_shape)
        fits = self.memory_limit // sigma_delta_chunk.bytes_per_sample(
            layers, stimulus.frames.shape[-1], stimulus.steps
        )

        def run(part: Stimulus) -> Chunk:
            return run_sigma_delta_chunk(layers, part.frames, part.steps, keep, self.memory_limit)

        chunk = max(1, min(fits, sigma_delta_chunk.LARGEST_CHUNK))
        return _Way(stages, (True,) * len(stages), chunk, run)

    def _on_device(
        self, model: Model, stimulus: Stimulus, readout: ReadoutKind, keep: Collection[int]
    ) -> _Way:
        device = find_device(self.device)
        if model.sigma_delta:
            raise BackendError(f"{model.name}: sigma-delta networks run on the device 'cpu' alone. Choose it")
        stages = stages_on(compile_model(model), device)
        fits = self.memory_limit // device_bytes_per_sample(stages, stimulus.steps)

        def run(part: Stimulus) -> Chunk:
            return run_on_device(stages, part, keep)

        return _Way(stages, _graded(stages, stimulus), max(1, fits), run)

    def _run(self, model: Model, way: _Way, stimulus: Stimulus, readout: ReadoutKind) -> Record:
        """One chunk."""
        by_potential = readout == "membrane"
        done = way.run(stimulus)
        prediction, tied = decide(done.potential if by_potential else done.output_counts)
        return Record(
            backend=self.name,
            model=model.name,
            steps=stimulus.steps,
            readout=readout,
            prediction=prediction,
            tied=tied,
            output_counts=done.output_counts,
            potential=done.potential if by_potential else None,
            layers=tuple(map(_counts, way.stages, done.layers, way.graded)),
            ternary_input=stimulus.ternary,
            rasters=done.rasters,
        )


@dataclass(frozen=True, eq=False)
class _Way:
    """How the samples of one run are executed.

    Attributes:
        stages: the layers with neurons.
        graded: of each, whether its input events carry payloads.
        chunk: samples at a time.
        run: executes some of the samples.
    """

    stages: tuple[Stage, ...] | tuple[SigmaDeltaStage, ...]
    graded: tuple[bool, ...]
    chunk: int
    run: Callable[[Stimulus], Chunk]


def _graded(stages: tuple[Stage, ...], stimulus: Stimulus) -> tuple[bool, ...]:
    """Of each layer, whether what the one in front sends carries payloads."""
    return (not stimulus.binary, *(stage.graded for stage in stages[1:]))


def _counts(stage: Stage | SigmaDeltaStage, counts: dict[str, np.ndarray], graded: bool) -> LayerCounts:
    return LayerCounts(
        name=stage.name,
        neurons=int(np.prod(stage.shape)),
        graded_input=graded,
        biased=stage.biased,
        **counts,
    )
