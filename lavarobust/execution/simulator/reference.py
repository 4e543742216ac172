"""A stage's window through the differentiable reference, for what 32-bit integers can't be trusted with."""

from __future__ import annotations

from math import prod

import numpy as np
import torch

from lavarobust.execution.simulator.cuts import cut_sums
from lavarobust.execution.simulator.integers import Sent
from lavarobust.execution.simulator.order import pack, positions
from lavarobust.execution.simulator.propagate import LayerRun, run_stage
from lavarobust.execution.simulator.stages import Stage
from lavarobust.netx.model import Input

BYTES_PER_STATE = 64
"""Peak bytes per neuron, step and sample: inputs, sums, spikes and scratch in float64."""


def run_reference(
    stage: Stage, frames: np.ndarray, steps: int, memory_limit: int, beside: tuple[np.ndarray, ...] = ()
) -> Sent:
    """Run samples ``(N, *shape, F)`` of integers through one stage, as many at once as the memory allows.

    What it sends has not yet passed its gate.

    Args:
        beside: ``(N, *shape, T)`` what its shortcuts bring.

    Raises:
        BackendError: sums that leave the 32 bits in which Lava holds a convolution.
    """
    states = prod(stage.input_shape) + 2 * prod(stage.shape)
    states += sum(prod(path.stage.input_shape) + prod(stage.shape) for path in stage.joining)
    together = max(1, memory_limit // (states * steps * BYTES_PER_STATE))
    parts = [
        _run(stage, frames[n : n + together], steps, tuple(one[n : n + together] for one in beside))
        for n in range(0, len(frames), together)
    ]
    sums = [part.values for part in parts if part.values is not None]
    return Sent(
        np.concatenate([part.words for part in parts]),
        np.concatenate([part.potential for part in parts]),
        np.concatenate([part.counts for part in parts], axis=1),
        np.concatenate([part.cuts for part in parts], axis=1),
        np.concatenate(sums) if sums else None,
    )


@torch.no_grad()
def _run(stage: Stage, frames: np.ndarray, steps: int, beside: tuple[np.ndarray, ...]) -> Sent:
    run = run_stage(stage, _steps_first(frames), steps, tuple(map(_steps_first, beside)))
    order = positions(stage.shape)
    fired = run.trajectory.spikes.movedim(0, -1).numpy()
    end = run.trajectory.end.potential.flatten(1).to(torch.int32).numpy()
    counted = end[:, order], counts_of(run, steps), cuts_of(run)
    if stage.sum_shift is not None:
        return Sent(np.zeros((len(frames), steps, 0), dtype=np.uint64), *counted, fired.astype(np.int32))
    return Sent(pack(fired, order), *counted)


def _steps_first(frames: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames, -1, 0), dtype=np.float64))


def counts_of(run: LayerRun, steps: int) -> np.ndarray:
    """``(5, N, T)`` int32 or more: what :func:`.stages.count_names` names."""
    stage, fired = run.stage, run.trajectory.spikes.flatten(2)
    samples = fired.shape[1]
    operations = torch.zeros((steps, samples, 2), dtype=torch.float64, device=fired.device)
    graded = torch.zeros((steps, samples), dtype=torch.float64, device=fired.device)
    additions = torch.zeros_like(graded)
    events = torch.zeros((steps, samples), dtype=torch.int32, device=fired.device)
    paths = ((path.stage, path.adds, inputs) for path, inputs in zip(stage.joining, run.beside, strict=True))
    for part, adds, inputs in ((stage, False, run.inputs), *paths):
        if isinstance(part.layer, Input):
            continue
        assert part.fan_out is not None
        arrived = (inputs.flatten(2) != 0)[:steps]
        events[: len(arrived)] += arrived.sum(2)
        done = arrived.double() @ part.fan_out
        operations[: len(arrived)] += done
        if part.graded:
            graded[: len(arrived)] += done[..., 0]
            if adds:
                additions[: len(arrived)] += done[..., 0]
    if stage.recurrent_fan_out is not None:
        fed_back = fired.double() @ stage.recurrent_fan_out
        operations += fed_back
    assert run.trajectory.active is not None, "counted where no gradients go back"
    rows = [events, *operations.round().int().unbind(-1), (fired != 0).sum(2).int()]
    rows.append(run.trajectory.active.int())
    if stage.recurrent_fan_out is not None:
        rows.append(fed_back[..., 0].round().int())
    if stage.joining:
        rows += [graded.round().int(), additions.round().int()]
    counts = torch.stack(rows)
    return counts.transpose(1, 2).contiguous().cpu().numpy()


def cuts_of(run: LayerRun) -> np.ndarray:
    """``(3, N, T)`` int32: sums that lost bits, wraps, clips."""
    lost = cut_sums(run).flatten(2).sum(2)
    cuts = torch.stack([lost, run.trajectory.wraps.to(lost), run.trajectory.clips.to(lost)])
    return cuts.transpose(1, 2).int().contiguous().cpu().numpy()
