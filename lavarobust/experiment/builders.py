"""From a recipe to the things it describes."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.data import DataSet, EventFrames, load
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.experiment.recipe import NetworkRecipe, Recipe
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.mean_image import MeanImage
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.families import Architecture
from lavarobust.snn.gate import GateOptions
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronOptions
from lavarobust.training.augmentation import expected_image
from lavarobust.training.objective import Objective


def build_data(recipe: Recipe) -> DataSet:
    """The recipe's data set, split; raises DataError where its files are missing or malformed."""
    data = recipe.data
    return load(
        data.name,
        root=data.root,
        validation=data.validation,
        seed=data.seed,
        limit=data.limit,
        frames=EventFrames(recipe.network.steps, data.event_limit),
    )


def build_network(
    recipe: Recipe, input_shape: tuple[int, ...], classes: int, images: np.ndarray | None = None
) -> SpikingNetwork:
    """The recipe's network with its seed's initial weights.

    Args:
        input_shape: ``(C, H, W)`` of an image, or ``(C, H, W, T)`` of event frames.
        classes: of the data set.
        images: ``(N, C, H, W)`` training images, of which, augmented, a signed encoder takes the mean;
            None leaves that to the checkpoint that the network is filled from.

    Raises:
        SettingsError: an architecture or encoding that does not fit the images or the classes.
    """
    network, encoding = recipe.network, recipe.network.encoding
    if (len(input_shape) == 4) != (encoding.kind == "frames"):
        raise SettingsError(
            f"network.encoding.kind is {encoding.kind}, and a sample is {input_shape}. Use frames for "
            "(C, H, W, T), recordings of events, and another kind for (C, H, W), images"
        )
    if len(input_shape) == 4 and input_shape[-1] != network.steps:
        raise SettingsError(
            f"network.steps is {network.steps}, and samples have {input_shape[-1]} frames. Give as many steps"
        )
    texts = _layers(network, input_shape, classes)
    layers = parse_layers(texts)
    outputs = getattr(layers[-1], "features", None)
    if outputs != classes:
        raise SettingsError(
            f"network.layers ends in {texts[-1]!r}, and the data have {classes} classes. "
            f"End in 'dense {classes}'"
        )
    gate = None
    if network.gate is not None:
        gate = GateOptions(recipe.seed, network.gate.gradient, network.gate.initial)
    mean_image = None
    if encoding.kind == "signed_rate":
        mean = np.zeros(input_shape) if images is None else images.mean(0, np.float64)
        mean_image = MeanImage(expected_image(mean, recipe.training.augmentation))
    return SpikingNetwork(
        layers,
        input_shape[:3],
        network.steps,
        Encoding(encoding.kind, encoding.levels, *encoding.statistics, recipe.seed, mean_image),
        network.readout,
        Surrogate(**network.surrogate.model_dump()),
        torch.Generator().manual_seed(recipe.seed),
        gate,
        NeuronOptions(**network.neuron.model_dump()),
    )


def _layers(network: NetworkRecipe, input_shape: tuple[int, ...], classes: int) -> tuple[str, ...]:
    """As they are written out, or those of the named architecture for such images."""
    if network.layers is not None:
        return network.layers
    assert network.architecture is not None, "a recipe has one of the two"
    named = Architecture(**network.architecture.model_dump())
    return named.layers(min(input_shape[1:3]), classes)


def build_objective(recipe: Recipe) -> Objective:
    """What the recipe's training minimises: its objective, with what its defence adds."""
    return recipe.defense.defended(recipe.training.objective.build(), recipe.training)


def build_device(recipe: Recipe) -> torch.device:
    """Where the recipe trains.

    Raises:
        SettingsError: it names a GPU, and torch finds none.
    """
    found = torch.cuda.is_available()
    if recipe.device == "cuda" and not found:
        raise SettingsError(
            "device is 'cuda', and torch finds no CUDA GPU here. Give device=auto or device=cpu, or install "
            "a torch that is built for this machine's GPU"
        )
    return torch.device("cuda" if found and recipe.device != "cpu" else "cpu")
