"""Which images a deployed model is run on: a data set's test part, or a person's own arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.data import NAMES, EventFrames, Images, load, read_pair
from lavarobust.errors import DataError, ModelFileError, SettingsError
from lavarobust.experiment.plan import Plan
from lavarobust.netx.deployment import sample_shape
from lavarobust.netx.model import Model

PARTS = ("test", "validation", "train")

_RECORDED: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "root": (str, type(None)),
    "validation": (int, float),
    "seed": int,
    "limit": (int, type(None)),
    "event_limit": int,
}


@dataclass(frozen=True)
class DataChoice:
    """What the command line says about images; all None means "what the file was made for".

    Attributes:
        data: a data set's name or path.
        data_root: folder of the data sets (LAVAROBUST_DATA where None).
        images, labels: .npy files, instead of ``data``.
        part: ``test``, ``validation`` or ``train``.
        limit: use the first so many images only.
    """

    data: str | None = None
    data_root: str | None = None
    images: str | None = None
    labels: str | None = None
    part: str = "test"
    limit: int | None = None


@dataclass(frozen=True, eq=False)
class ChosenImages:
    """Images ready for a model, with the sentence that says where they came from."""

    images: Images
    source: str


def choose_images(model: Model, plan: Plan, choice: DataChoice) -> ChosenImages:
    """Load the images for a model; recordings of events as one frame for each of the plan's steps.

    Raises:
        SettingsError: contradicting flags, or nothing that says which images.
        DataError: images that can't be loaded or don't fit the model.
        ModelFileError: a recipe inside the file that describes no data.
    """
    if choice.part not in PARTS:
        raise SettingsError(f"--part {choice.part}: choose one of {', '.join(PARTS)}.")
    if choice.limit is not None and choice.limit < 1:
        raise SettingsError(f"--limit {choice.limit}: at least one image is needed.")
    chosen = (
        _from_data_set(model, plan, choice)
        if choice.images is choice.labels is None
        else _from_arrays(choice)
    )
    images = chosen.images if choice.limit is None else chosen.images.take(choice.limit)
    if images.samples == 0:
        raise DataError(f"{chosen.source}: holds no images. Choose another part or data set.")
    _check_fits(images, model, plan, chosen.source)
    classes = int(np.prod(model.output_layer.shape))
    if images.labels.max() >= classes:
        raise DataError(
            f"{chosen.source}: labels go up to {images.labels.max()}, and the model has {classes} outputs. "
            "Label the images with the model's own classes, from 0."
        )
    return ChosenImages(images, chosen.source)


def _check_fits(images: Images, model: Model, plan: Plan, source: str) -> None:
    known = model.deployment.input_shape if model.deployment else model.input_shape
    wanted = sample_shape(plan.encoding, tuple(known), plan.steps)
    frames = plan.encoding.kind == "frames"
    if (len(images.shape) == 4) != frames:
        raise DataError(
            f"{source}: a sample is {images.shape}, which the encoding {plan.encoding.kind} does not take. "
            "Give event frames (C, H, W, T) to a model of the encoding frames, and images to any other"
        )
    if frames and images.shape[-1] != plan.steps:
        raise DataError(
            f"{source}: samples have {images.shape[-1]} frames, and the model runs {plan.steps} steps. Give "
            "as many time bins as steps"
        )
    if len(known) == 3 and images.shape != wanted:
        raise DataError(f"{source}: images are {images.shape}, the model takes {wanted}.")
    if int(np.prod(images.shape)) != int(np.prod(wanted)):
        raise DataError(
            f"{source}: an image has {int(np.prod(images.shape))} values, the model takes "
            f"{int(np.prod(wanted))}."
        )


def _from_arrays(choice: DataChoice) -> ChosenImages:
    if not choice.images or not choice.labels:
        raise SettingsError("--images and --labels belong together: give both .npy files.")
    if choice.data is not None:
        raise SettingsError("--data and --images name two sources of images: give one of them.")
    return ChosenImages(read_pair(choice.images, choice.labels), Path(choice.images).name)


def _from_data_set(model: Model, plan: Plan, choice: DataChoice) -> ChosenImages:
    recorded = _recorded(model)
    name = recorded.get("name") if choice.data is None else choice.data
    if not name:
        raise SettingsError(
            f"{model.name}: the file does not say which images to use. Give --data NAME "
            f"({', '.join(NAMES)} or a path), or --images FILE.npy with --labels FILE.npy; the verb energy "
            "also takes --synthetic RATE."
        )
    same = choice.data is None or choice.data == recorded.get("name")
    recorded = recorded if same else {}
    data = load(
        name,
        root=choice.data_root or recorded.get("root"),
        validation=recorded.get("validation", 0.1),
        seed=recorded.get("seed", 0),
        limit=recorded.get("limit"),
        frames=EventFrames(plan.steps, recorded.get("event_limit", 1)),
    )
    return ChosenImages(getattr(data, choice.part), f"{data.name} {choice.part}")


def _recorded(model: Model) -> dict[str, Any]:
    """What the file's recipe says about its data; nothing where there is no recipe."""
    recipe = model.deployment.recipe if model.deployment else {}
    recorded = recipe.get("data", {})
    if not isinstance(recorded, dict):
        raise _damaged(model, "data", recorded)
    for key, kinds in _RECORDED.items():
        if key in recorded and not isinstance(recorded[key], kinds):
            raise _damaged(model, f"data.{key}", recorded[key])
    return recorded


def _damaged(model: Model, key: str, value: object) -> ModelFileError:
    return ModelFileError(
        f"{model.name}: the recipe in it: {key}", f"is {value!r}", "Name the images with --data or --images"
    )
