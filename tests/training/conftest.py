from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork


@dataclass(frozen=True, eq=False)
class Part:
    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray


@dataclass(frozen=True, eq=False)
class Data:
    train: Part
    validation: Part


def bars(count: int, seed: int) -> Part:
    """Noisy 4 x 4 images of a bright row, its number the label."""
    draws = np.random.Generator(np.random.PCG64(seed))
    labels = np.arange(count, dtype=np.int64) % 4
    images = draws.uniform(0, 0.4, (count, 1, 4, 4)).astype(np.float32)
    images[np.arange(count), 0, labels] += 0.6
    return Part(images, labels, np.arange(count, dtype=np.int64))


@pytest.fixture
def data() -> Data:
    return Data(bars(48, 0), bars(16, 1))


@pytest.fixture
def make_network():
    def make(seed: int = 0, layers: tuple[str, ...] = ("conv 4 3", "dense 4")) -> SpikingNetwork:
        return SpikingNetwork(
            parse_layers(layers),
            (1, 4, 4),
            3,
            Encoding("direct", 16),
            "membrane",
            Surrogate(),
            torch.Generator().manual_seed(seed),
        )

    return make


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
