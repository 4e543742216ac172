"""The simulator as an execution backend: chunks of samples within a memory limit, exact counts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import torch

from lavarobust.execution.fitting import fitting
from lavarobust.execution.simulator.propagate import LayerRun, propagate
from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Input, Model
from lavarobust.record import LayerCounts, Record, Stimulus, decide

_BYTES_PER_STATE = 24
"""Peak bytes per neuron, step and sample: inputs, sums and spikes in float32 plus float64 scratch."""


@dataclass(frozen=True)
class Simulator:
    """Executes models in batched tensors, spike for spike as Lava's fixed-point CPU simulator.

    Attributes:
        memory_limit: bytes of intermediate tensors; samples are cut into chunks that stay below. It
            never changes a result.
    """

    memory_limit: int = 1 << 29
    name: str = "simulator"

    @torch.no_grad()
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
        """
        stimulus = fitting(model, stimulus, keep)
        stages = compile_model(model)
        chunk = self._chunk(stages, stimulus)
        parts = [
            _run_chunk(stages, stimulus, slice(start, start + chunk), keep)
            for start in range(0, stimulus.samples, chunk)
        ]
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
            rasters={index: np.concatenate([part.rasters[index] for part in parts]) for index in keep},
        )

    def _chunk(self, stages: tuple[Stage, ...], stimulus: Stimulus) -> int:
        widest = max(int(np.prod(stage.input_shape)) + 2 * int(np.prod(stage.shape)) for stage in stages)
        return max(1, self.memory_limit // (widest * stimulus.steps * _BYTES_PER_STATE))


@dataclass(frozen=True, eq=False)
class _Chunk:
    output_counts: np.ndarray
    potential: np.ndarray
    layers: list[dict[str, np.ndarray]]
    rasters: dict[int, np.ndarray]


def _run_chunk(stages: tuple[Stage, ...], stimulus: Stimulus, part: slice, keep: Collection[int]) -> _Chunk:
    frames = torch.from_numpy(np.ascontiguousarray(np.moveaxis(stimulus.frames[part], -1, 0)))
    layers, rasters = [], {}
    frames = frames.to(torch.float32 if int(frames.abs().max()) < 1 << 24 else torch.float64)
    for run in propagate(stages, frames, stimulus.steps):
        layers.append(_count(run, stimulus.steps))
        if run.stage.index in keep:
            rasters[run.stage.index] = run.trajectory.spikes.movedim(0, -1).to(torch.uint8).numpy()
    last = run.trajectory
    return _Chunk(
        output_counts=last.spikes.sum(0).flatten(1).long().numpy(),
        potential=last.end.potential.flatten(1).long().numpy(),
        layers=layers,
        rasters=rasters,
    )


def _count(run: LayerRun, steps: int) -> dict[str, np.ndarray]:
    """Counts ``(N, T)`` of one layer of a chunk."""
    stage, trajectory = run.stage, run.trajectory
    samples = trajectory.spikes.shape[1]
    spikes = trajectory.spikes.flatten(2)
    operations = torch.zeros((steps, samples, 2), dtype=torch.float64)
    events = torch.zeros((steps, samples), dtype=torch.int64)
    if not isinstance(stage.layer, Input):
        assert stage.fan_out is not None
        arrived = (run.inputs.flatten(2) != 0)[:steps]
        events[: len(arrived)] = arrived.sum(2)
        operations[: len(arrived)] = arrived.double() @ stage.fan_out
    if stage.recurrent_fan_out is not None:
        operations += spikes.double() @ stage.recurrent_fan_out
    tensors = {
        "input_events": events,
        "synops": operations[..., 0],
        "synops_dense": operations[..., 1],
        "spikes": (spikes != 0).sum(2),
        "wraps": trajectory.wraps,
        "clips": trajectory.clips,
    }
    return {name: tensor.T.long().numpy() for name, tensor in tensors.items()}


def _merge(stage: Stage, parts: list[dict[str, np.ndarray]], graded: bool) -> LayerCounts:
    return LayerCounts(
        name=stage.name,
        neurons=int(np.prod(stage.shape)),
        graded_input=graded,
        biased=stage.biased,
        **{name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
    )
