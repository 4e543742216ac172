"""A strict run: any integer that does not fit where Lava holds it is an error that says where."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.errors import PrecisionError
from lavarobust.execution.simulator.cuts import cut_states, cut_sums
from lavarobust.execution.simulator.propagate import LayerRun, propagate
from lavarobust.execution.simulator.sigma_delta_chunk import cut_neurons
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage, compile_sigma_delta
from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.netx.check import check_model
from lavarobust.netx.model import Model, Shape
from lavarobust.record import Record, Stimulus

_KINDS = (
    ("cut_sums", "synaptic sums or inputs lost bits"),
    ("wraps", "currents wrapped around their 24 bits"),
    ("clips", "potentials were clipped at their 24 bits"),
)

_SIGMA_DELTA_KINDS = (_KINDS[0], ("wraps", "states wrapped around their 32 bits"))


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
    stages: tuple[Stage, ...] | tuple[SigmaDeltaStage, ...] = (
        compile_sigma_delta(model) if model.sigma_delta else compile_model(model)
    )
    kinds = _SIGMA_DELTA_KINDS if model.sigma_delta else _KINDS
    for position, layer in enumerate(record.layers):
        stage = stages[position]
        totals = {kind: int(np.sum(getattr(layer, kind))) for kind, _ in kinds}
        if not any(totals.values()):
            continue
        cut = sum(getattr(layer, kind) for kind in totals)
        step = int(cut.any(axis=0).argmax())
        sample = int(cut[:, step].argmax())
        alone = stimulus.taken(slice(sample, sample + 1))
        if isinstance(stage, Stage):
            cut_ones = _masks(_stage_run(model, stage, alone), step).numpy()
        else:
            cut_ones = cut_neurons(compile_sigma_delta(model), stage, alone.frames, step)
        neuron = _neuron(stage.shape, cut_ones)
        said = ", ".join(f"{totals[kind]:,} {words}" for kind, words in kinds if totals[kind])
        raise PrecisionError(
            f"{stage.name}: {said}; the first at step {step} of sample {sample}, {neuron}. Use fewer input "
            "levels or a smaller integer scale, or run without strict to have them counted, as Lava has them."
        )


@torch.no_grad()
def _stage_run(model: Model, wanted: Stage, stimulus: Stimulus) -> LayerRun:
    sent = torch.from_numpy(np.ascontiguousarray(np.moveaxis(stimulus.frames, -1, 0), dtype=np.float64))
    runs = propagate(compile_model(model), sent, stimulus.steps, stimulus.gate_keys)
    return next(run for run in runs if run.stage is wanted)


@torch.no_grad()
def _masks(run: LayerRun, step: int) -> torch.Tensor:
    """``(neurons,)`` bool: which neurons any cut befell."""
    wrapped, clipped = cut_states(run, step)
    return (cut_sums(run)[step] | wrapped | clipped).flatten()


def _neuron(shape: Shape, cut: np.ndarray) -> str:
    place = np.unravel_index(int(cut.argmax()), shape)
    if len(place) == 1:
        return f"neuron {int(place[0])}"
    return "neuron (channel {}, row {}, column {})".format(*map(int, place))
