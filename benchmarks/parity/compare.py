"""A trial on both sides: every spike, count, output, prediction and final state."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from benchmarks.parity import files
from benchmarks.parity.features import features_of
from benchmarks.parity.rates import counts_as_a_case
from benchmarks.parity.trial import Trial
from lavarobust.errors import BackendError
from lavarobust.execution import backend
from lavarobust.execution.simulator import Simulator, compile_model, propagate
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import LayerCounts, Record, Stimulus

Execute = Callable[[Model, Stimulus, ReadoutKind, Collection[int]], Record]
States = dict[int, np.ndarray]

EARLY = "before the input arrives"
"""In the error of the lava backend for biases that act before a recurrent layer's first input."""


@dataclass(frozen=True)
class Comparison:
    """What came of a trial.

    Attributes:
        differences: what differs and where; empty where both sides agree.
        counted: whether every layer's rate, as Lava ran it, is one at which a difference could show.
        refused: whether the lava backend refused it by name, so that nothing was compared.
        features: what of the hardware model it exercised; see :mod:`benchmarks.parity.features`.
    """

    differences: tuple[str, ...] = ()
    counted: bool = False
    refused: bool = False
    features: tuple[str, ...] = ()


def simulate(model: Model, stimulus: Stimulus, readout: ReadoutKind, keep: Collection[int]) -> Record:
    return Simulator().run(model, stimulus, readout, keep)


def compare(trial: Trial, execute: Execute = simulate) -> Comparison:
    """Run a trial on Lava and on the simulator, both from the same file.

    Args:
        trial: what to run.
        execute: the simulator that is in question.

    Raises:
        BackendError: Lava can't run it.
        ModelFileError: it is no network.
    """
    with TemporaryDirectory(prefix="parity-") as folder:
        trial = files.load(files.save(trial, Path(folder, "trial.net")))
        keep = [index for index, _ in trial.model.populations]
        options = {"fast_convolution": trial.fast_convolution, "sparse_fc_layer": trial.sparse_fc_layer}
        lava = backend("lava", **options)
        try:
            record, states = lava.run_with_states(trial.model, trial.stimulus, trial.readout, keep)  # type: ignore[attr-defined]
        except BackendError as error:
            if EARLY in str(error):
                return Comparison(refused=True)
            raise
        try:
            found = list(
                record_differences(execute(trial.model, trial.stimulus, trial.readout, keep), record)
            )
            found += state_differences(trial, states, execute)
            found += reference_differences(trial, states)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            name = f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
            found = [f"the simulator raised {name}: {error}"]
    if found and trial.sparse_fc_layer:
        # Lava's DelaySparse holds a sum in 32 bits where its DelayDense takes 64
        unasked = compare(replace(trial, sparse_fc_layer=False), execute)
        if not unasked.differences:
            return replace(unasked, features=(*unasked.features, "sparse unlike dense"))
    return Comparison(
        tuple(found), counts_as_a_case(record, trial.model), features=features_of(trial, record)
    )


def record_differences(ours: Record, theirs: Record) -> list[str]:
    """What two records that kept all rasters disagree on; counts that either has none of are left out."""
    found = []
    for mine, lava, index in zip(ours.layers, theirs.layers, theirs.rasters, strict=True):
        wrong = np.argwhere(ours.rasters[index] != theirs.rasters[index])
        if len(wrong):
            sample, *neuron, step = wrong[np.lexsort((wrong[:, 0], wrong[:, -1]))[0]].tolist()
            where = f"first in sample {sample}, neuron {tuple(neuron)}, step {step}"
            found.append(f"layer {lava.name}: {len(wrong)} spikes differ, {where}")
        for name in (field.name for field in fields(LayerCounts)):
            left, right = getattr(mine, name), getattr(lava, name)
            if left is not None and right is not None and not np.array_equal(left, right):
                found.append(f"layer {lava.name}: {name} differs")
    for name in ("output_counts", "potential", "prediction", "tied"):
        if not _same(getattr(ours, name), getattr(theirs, name)):
            found.append(f"{name} differs")
    return found


def state_differences(trial: Trial, states: States, execute: Execute) -> list[str]:
    """Potentials at the window's end of every layer, read out as if the network ended there."""
    found = []
    for index, _ in trial.model.populations:
        part = Model(trial.model.layers[: index + 1], trial.model.input_shape, name=trial.model.name)
        if not hasattr(part.populations[-1][1], "weight") or index == 0:
            continue  # an input population alone is no network
        potential = execute(part, trial.stimulus, "membrane", ()).potential
        expected = states[index][1].reshape(trial.stimulus.samples, -1)
        if not _same(potential, expected):
            found.append(f"layer {trial.model.layer_name(index)}: potential differs")
    return found


@torch.no_grad()
def reference_differences(trial: Trial, states: States) -> list[str]:
    """Currents and potentials of the differentiable reference, which attacks take their gradients from.

    It has no sigma-delta neurons.
    """
    if trial.model.sigma_delta:
        return []
    sent, keys = np.moveaxis(trial.stimulus.frames, -1, 0), trial.stimulus.gate_keys
    found = []
    # attacks send float32, for which other loops are compiled; integers here are small enough for either
    for kind in (np.float32, np.float64):
        frames = torch.from_numpy(sent.astype(kind))
        for run in propagate(compile_model(trial.model), frames, trial.stimulus.steps, keys):
            found += [
                f"layer {run.stage.name}: the reference's {name} differs for {kind.__name__}"
                for name, mine, lava in zip(
                    ("current", "potential"),
                    (run.trajectory.end.current, run.trajectory.end.potential),
                    states[run.stage.index],
                    strict=True,
                )
                if not _same(mine.numpy().astype(np.int64), lava)
            ]
    return found


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)
