"""Victims small enough to know their worst case, and deployed networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.netx.deployment import Deployment, Encoding, ReadoutKind
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.gate import GateOptions
from lavarobust.snn.network import SpikingNetwork

SHAPE = (1, 4, 4)


class Linear(torch.nn.Module):
    """Logits ``W x`` with the weights of a multiple of 1/8, so that sums of dyadic pixels are exact."""

    def __init__(self, weight: np.ndarray) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.from_numpy(weight.astype(np.float32)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1) @ self.weight.T


@dataclass(frozen=True, eq=False)
class LinearCase:
    """Two classes: the margin of a sample is linear, so the corner of the box is its worst image."""

    module: Linear
    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    def worst_images(self, epsilon: float) -> np.ndarray:
        slope = self.module.weight.detach().numpy()
        towards = np.sign(slope[1] - slope[0]).reshape(SHAPE)
        sign = np.where(self.labels == 0, 1, -1)[:, None, None, None]
        return np.clip(self.images + epsilon * sign * towards, 0, 1).astype(np.float32)

    def predictions(self, images: np.ndarray) -> np.ndarray:
        return (images.reshape(len(images), -1) @ self.module.weight.detach().numpy().T).argmax(1)


@pytest.fixture
def linear_case() -> LinearCase:
    generator = np.random.default_rng(7)
    weight = generator.choice([-1, 1], (2, 16)) * generator.integers(1, 9, (2, 16)) / 8
    weight[1] += (weight[0] == weight[1]) / 8
    images = (generator.integers(0, 65, (90, *SHAPE)) / 64).astype(np.float32)
    module = Linear(weight)
    case = LinearCase(module, images, np.zeros(90, dtype=np.int64), np.arange(5, 95))
    return LinearCase(module, images, case.predictions(images), case.indices)


@pytest.fixture
def readout_model() -> Model:
    """One dense readout: class 0 sees pixel 0, class 1 sees pixel 1, class 2 sees nothing."""
    weight = np.array([[2, 0], [0, 2], [0, 0]], dtype=np.int32)
    return Model(
        (Input((1, 1, 2)), Flatten(), Dense(weight, READOUT)),
        (1, 1, 2),
        Deployment(3, Encoding("direct", 4), "membrane", (1, 1, 2)),
    )


@dataclass(frozen=True, eq=False)
class Deployed:
    """An untrained network and the integer model that it is deployed as."""

    network: SpikingNetwork
    model: Model
    deployment: Deployment


@pytest.fixture(scope="session")
def deployed() -> Callable[..., Deployed]:
    @cache
    def make(encoding: Encoding, readout: ReadoutKind, gate: GateOptions | None = None) -> Deployed:
        network = SpikingNetwork(
            parse_layers(["conv 4 3", "dense 10"]),
            (1, 8, 8),
            steps=4,
            encoding=encoding,
            readout=readout,
            surrogate=Surrogate(),
            generator=torch.Generator().manual_seed(0),
            gate=gate,
        )
        network.eval()
        model = to_model(network)
        return Deployed(network, model, Deployment(4, encoding, readout, (1, 8, 8)))

    return make


@pytest.fixture(scope="session")
def pictures() -> tuple[np.ndarray, np.ndarray]:
    """150 random images of 8 x 8 and their scattered indices."""
    generator = np.random.default_rng(11)
    return generator.random((150, 1, 8, 8), dtype=np.float32), generator.permutation(5000)[:150]
