from __future__ import annotations

import numpy as np
import torch

from benchmarks.leak import STEPS, THRESHOLD, moved_by_leak, plot
from lavarobust.data import Images
from lavarobust.dynamics import Surrogate
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork


def case():
    generator = torch.Generator().manual_seed(0)
    network = SpikingNetwork(
        parse_layers(["conv 4 3 no-norm", "dense 4"]), (1, 4, 4), 4, Encoding("direct", 255), "membrane",
        Surrogate(), generator,
    )  # fmt: skip
    pixels = torch.rand(6, 1, 4, 4, generator=generator).numpy()
    return network, Images(pixels, np.arange(6) % 4, np.arange(6))


def test_every_population_gets_the_figures_threshold_and_the_leak():
    network, images = case()
    forgetful, keeping = moved_by_leak(network, images, (0.25, 1.0), 0.2)
    assert (forgetful.leak, keeping.leak, network.steps) == (0.25, 1.0, STEPS)
    layer = to_model(network).populations[0][1]
    scale = float(network.stack[0].frozen_scale)
    assert layer.neuron.voltage_decay == 0 and layer.neuron.threshold == int(THRESHOLD * scale)
    assert forgetful.rates["1 conv"] != keeping.rates["1 conv"]
    assert 0 < forgetful.pixels <= 0.2 * 4 + 1e-6  # 16 pixels
    assert plot((forgetful, keeping)).startswith(b"\x89PNG")


def test_a_change_that_rounding_loses_moves_no_spike():
    network, images = case()
    [moved] = moved_by_leak(network, images, (1.0,), 1e-7)
    assert moved.rates == {"1 conv": 0.0}
