"""Input of a chosen rate, for a model whose data are not at hand: what it would cost were it driven so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from lavarobust.data import Images
from lavarobust.errors import SettingsError
from lavarobust.experiment.inputs import ChosenImages, DataChoice
from lavarobust.experiment.run import PlanChoice, Prepared, plan_of
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import read_model
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.model import Input, Model

SAMPLES = 32
"""Of random input, where nobody says how many."""

_SEED = 0
_OF_PIXELS = ("--encoding", "--levels", "--mean")
_LEFT_OUT = (
    "the spikes are those of the input population: what it does itself is left out, and layers count from "
    "the one behind it"
)


def check_replaces_images(rate: float, images: DataChoice) -> None:
    """Raises SettingsError for images chosen beside a rate, and for a rate that is none."""
    if images.data or images.images:
        raise SettingsError(f"--synthetic {rate:g} takes the place of images: leave out --data and --images.")
    if not 0 <= rate <= 1:
        raise SettingsError(f"--synthetic {rate}: a rate is spikes per input and step, 0 to 1.")


def prepare_synthetic(path: str | Path, rate: float, images: DataChoice, plan: PlanChoice) -> Prepared:
    """A model with random input in place of images; every label is -1.

    Each input spikes in each step with the same probability. A model that takes an image as biases makes the
    spikes of its input population by itself: they are drawn in its place, and the model begins behind it.

    Args:
        rate: spikes per input and step, 0..1.
        images: of which only the limit counts: how many windows.
        plan: T and readout of a file that doesn't say.

    Raises:
        SettingsError: images chosen as well, a rate that is none, no window, an impossible plan, or a model
            whose input population sends graded values.
        ModelFileError: a file that can't be read.
    """
    check_replaces_images(rate, images)
    samples = SAMPLES if images.limit is None else images.limit
    if samples < 1:
        raise SettingsError(f"--limit {samples}: at least one window is needed.")
    model = read_model(model_path(path))
    made = plan_of(model, plan)
    source = (
        f"synthetic input, {samples} windows with {rate:g} spikes per input and step (seed {_SEED}), no data"
    )
    said = tuple(line for line in made.assumptions if not any(flag in line for flag in _OF_PIXELS))
    if isinstance(model.populations[0][1], Input):
        model, said = _behind_input(model, rate), (*said, _LEFT_OUT)
    shape = (*model.input_shape, *(1,) * (3 - len(model.input_shape)))
    drawn = np.random.default_rng(_SEED).random((samples, *model.input_shape, made.steps)) < rate
    spikes = Images(
        drawn.reshape(samples, *shape, made.steps).astype(np.float32),
        np.full(samples, -1),
        np.arange(samples),
    )
    made = replace(made, encoding=Encoding("frames", 1), assumptions=said)
    return Prepared(model, made, ChosenImages(spikes, source))


def _behind_input(model: Model, rate: float) -> Model:
    index, first = model.populations[0]
    layers = model.layers[index + 1 :]
    if model.sigma_delta or any(getattr(layer, "shortcuts", ()) for layer in layers):
        raise SettingsError(
            f"--synthetic {rate:g}: the input population of {model.name} sends more than spikes to the layer "
            "behind it. Give images"
        )
    return replace(model, layers=layers, input_shape=first.shape)
