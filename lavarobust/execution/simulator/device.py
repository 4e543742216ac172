"""All layers on a GPU: the differentiable reference, whole windows of many samples at once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
import torch

from lavarobust.errors import BackendError
from lavarobust.execution.simulator.chunk import CUTS, Chunk
from lavarobust.execution.simulator.propagate import propagate
from lavarobust.execution.simulator.reference import BYTES_PER_STATE, counts_of, cuts_of
from lavarobust.execution.simulator.stages import Stage, Synapse, count_names
from lavarobust.record import Stimulus


def find_device(name: str) -> torch.device:
    """The device of that name.

    Raises:
        BackendError: torch knows none, or this machine has none.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise BackendError(f"no device {name!r} to simulate on: {reason}. Choose 'cpu' or 'cuda'") from None
    return device


@lru_cache(maxsize=16)
def stages_on(stages: tuple[Stage, ...], device: torch.device) -> tuple[Stage, ...]:
    """The stages of a compiled model with their tensors on a device."""

    def moved(value: Any) -> Any:
        return value.to(device) if isinstance(value, torch.Tensor) else value

    def synapse(given: Synapse | None) -> Synapse | None:
        return None if given is None else replace(given, weight=given.weight.to(device))

    def on_device(stage: Stage) -> Stage:
        joining = tuple(replace(path, stage=on_device(path.stage)) for path in stage.joining)
        return replace(
            stage,
            joining=joining,
            neuron=replace(
                stage.neuron,
                current_decay=moved(stage.neuron.current_decay),
                voltage_decay=moved(stage.neuron.voltage_decay),
            ),
            bias=moved(stage.bias),
            synapse=synapse(stage.synapse),
            recurrent=synapse(stage.recurrent),
            fan_out=moved(stage.fan_out),
            recurrent_fan_out=moved(stage.recurrent_fan_out),
        )

    return tuple(map(on_device, stages))


def device_bytes_per_sample(stages: tuple[Stage, ...], steps: int) -> int:
    """Bytes that :func:`run_on_device` holds at a time for each sample."""
    sources = {path.source for stage in stages for path in stage.joining}
    most = max(prod(stage.input_shape) + (2 + len(stage.joining)) * prod(stage.shape) for stage in stages)
    return BYTES_PER_STATE * steps * (most + sum(prod(stages[source].shape) for source in sources))


@torch.no_grad()
def run_on_device(stages: tuple[Stage, ...], stimulus: Stimulus, keep: Collection[int]) -> Chunk:
    """Run samples through stages of :func:`stages_on`.

    Args:
        keep: indices into the model's layers whose rasters are wanted.

    Raises:
        BackendError: sums that leave the 32 bits in which Lava holds a convolution.
    """
    weight = next(stage.synapse.weight for stage in stages if stage.synapse is not None)
    sent = np.ascontiguousarray(np.moveaxis(stimulus.frames, -1, 0), dtype=np.float64)
    counts, rasters = [], {}
    arriving, steps = torch.from_numpy(sent).to(weight.device), stimulus.steps
    for run in propagate(stages, arriving, steps, stimulus.gate_keys):
        spikes = run.trajectory.spikes
        names = (*count_names(run.stage), *CUTS)
        counted = zip(names, (*counts_of(run, steps), *cuts_of(run)), strict=True)
        counts.append(dict(counted))
        if run.stage.index in keep:
            rasters[run.stage.index] = spikes.movedim(0, -1).to(_kind(run.stage)).contiguous().cpu().numpy()
    return Chunk(
        spikes.flatten(2).sum(0).long().cpu().numpy(),
        run.trajectory.end.potential.flatten(1).long().cpu().numpy(),
        counts,
        rasters,
    )


def _kind(stage: Stage) -> torch.dtype:
    """Of a raster."""
    return torch.uint8 if stage.sum_shift is None else torch.int32
