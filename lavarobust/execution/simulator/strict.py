"""A strict run: any integer that does not fit where Lava holds it is an error that says where."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.errors import PrecisionError
from lavarobust.execution.simulator.cuts import cut_states, cut_sums
from lavarobust.execution.simulator.propagate import LayerRun, propagate
from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.netx.check import check_model
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus

_KINDS = (
    ("cut_sums", "synaptic sums or inputs lost bits"),
    ("wraps", "currents wrapped around their 24 bits"),
    ("clips", "potentials were clipped at their 24 bits"),
)


def refuse_changed_parameters(model: Model) -> None:
    """Refuse a file of whose integers Lava executes others.

    Raises:
        PrecisionError: the first finding of :func:`lavarobust.netx.check_model` that says so.
    """
    for finding in check_model(model):
        if finding.severity == "error":
            raise PrecisionError(f"{finding.layer}: {finding.problem}. {finding.remedy}.")


def refuse_cuts(model: Model, stimulus: Stimulus, record: Record) -> None:
    """Refuse a record in which any sum, current or potential was cut.

    Raises:
        PrecisionError: names the first layer, its first step and a neuron there.
    """
    for stage, layer in zip(compile_model(model), record.layers, strict=True):
        totals = {kind: int(np.sum(getattr(layer, kind))) for kind, _ in _KINDS}
        if not any(totals.values()):
            continue
        cut = sum(getattr(layer, kind) for kind in totals)
        step = int(cut.any(axis=0).argmax())
        sample = int(cut[:, step].argmax())
        frames = stimulus.frames[sample : sample + 1]
        neuron = _neuron(stage, _masks(_stage_run(model, stage, frames, stimulus.steps), step))
        said = ", ".join(f"{totals[kind]:,} {words}" for kind, words in _KINDS if totals[kind])
        raise PrecisionError(
            f"{stage.name}: {said}; the first at step {step} of sample {sample}, {neuron}. Use fewer input "
            "levels or a smaller integer scale, or run without strict to have them counted, as Lava has them."
        )


@torch.no_grad()
def _stage_run(model: Model, wanted: Stage, frames: np.ndarray, steps: int) -> LayerRun:
    sent = torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames, -1, 0), dtype=np.float64))
    runs = propagate(compile_model(model), sent, steps)
    return next(run for run in runs if run.stage is wanted)


@torch.no_grad()
def _masks(run: LayerRun, step: int) -> torch.Tensor:
    """``(neurons,)`` bool: which neurons any cut befell."""
    wrapped, clipped = cut_states(run, step)
    return (cut_sums(run)[step] | wrapped | clipped).flatten()


def _neuron(stage: Stage, cut: torch.Tensor) -> str:
    place = np.unravel_index(int(cut.int().argmax()), stage.shape)
    if len(place) == 1:
        return f"neuron {int(place[0])}"
    return "neuron (channel {}, row {}, column {})".format(*map(int, place))
