"""A recipe's model before training: its layers and widths with random weights."""

from __future__ import annotations

from dataclasses import replace

from lavarobust.data.digits import CLASS_NAMES
from lavarobust.data.known import KNOWN
from lavarobust.experiment.builders import build_data, build_network
from lavarobust.experiment.export import as_deployed
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.train import torch_threads
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model
from lavarobust.snn.deploy import to_model

DIGITS_SHAPE = (1, 8, 8)


def untrained_model(recipe: Recipe) -> Model:
    """The integer model that the recipe's network would become, with the initial weights of its seed.

    Its shapes, neurons, connections, encoding and steps are those of the trained one; its weights, biases,
    thresholds and what it says of overflow are not. Data sets that are known by name need not be at hand.

    Raises:
        SettingsError: an architecture or encoding that does not fit the data.
        DataError: data by a path, which are not there or can't be read.
    """
    shape, classes = sample_shape_and_classes(recipe)
    with torch_threads(recipe.threads):
        network = as_deployed(build_network(recipe, shape, classes), recipe)
        model = to_model(network, name=recipe.name)
    return replace(
        model,
        deployment=Deployment(
            network.steps, network.encoding, network.readout, network.input_shape, data=recipe.data.name
        ),
    )


def sample_shape_and_classes(recipe: Recipe) -> tuple[tuple[int, ...], int]:
    """``(C, H, W)``, of events ``(C, H, W, T)``, and the number of classes of a recipe's data.

    Raises:
        SettingsError, DataError: as :func:`lavarobust.data.load`, for data by a path.
    """
    if recipe.data.name == "digits":
        return DIGITS_SHAPE, len(CLASS_NAMES)
    known = KNOWN.get(recipe.data.name)
    if known is None:
        data = build_data(recipe)
        return data.train.shape, len(data.class_names)
    return (*known.shape, recipe.network.steps) if known.events else known.shape, known.classes
