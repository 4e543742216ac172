"""What several tests of the NetX room need."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Model, Neuron


def even_weight(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Full-range weights that the loader keeps: even, both signs, -254..254."""
    return (2 * np.random.default_rng(seed).integers(-127, 128, size=shape)).astype(np.int32)


LIF = Neuron(current_decay=4096, voltage_decay=128, threshold=80)


def conv_model(deployment: bool = True) -> Model:
    """Input, conv, grouped strided conv, flatten, delayed dense, recurrent dense, readout."""
    layers = (
        Input(shape=(2, 8, 7)),
        Conv(
            even_weight((4, 2, 3, 3)),
            LIF,
            shape=(4, 8, 7),
            padding=(1, 1),
            bias=np.array([1, -2, 3, 0], dtype=np.int32),
        ),
        Conv(
            even_weight((6, 2, 3, 2), 1),
            Neuron(4096, np.array([0, 1, 2, 3, 4, 5], dtype=np.int32), 31, "LOIHI"),
            shape=(6, 3, 5),
            stride=(2, 1),
            dilation=(1, 2),
            groups=2,
        ),
        Flatten(),
        Dense(even_weight((5, 90), 2), LIF, delay=np.array([0, 1, 2, 61, 62], dtype=np.int32)),
        Dense(even_weight((4, 5), 3), LIF, recurrent_weight=even_weight((4, 4), 4)),
        Dense(even_weight((3, 4), 5), READOUT, bias=np.array([-5, 0, 7], dtype=np.int32)),
    )
    record = Deployment(
        steps=8,
        encoding=Encoding("direct", levels=16, mean=(0.5, 0.25), std=(0.5, 1.0), seed=3),
        readout="membrane",
        input_shape=(2, 8, 7),
        class_names=("a", "b", "ç"),
        data="made up",
        recipe={"epochs": 3, "note": "µ"},
        versions={"lavarobust": "0.1.0"},
    )
    return Model(layers, input_shape=(2, 8, 7), deployment=record if deployment else None)


def shipped(name: str) -> Path:
    """A network file that the lava-dl wheel ships, or skip where it is not installed."""
    spec = importlib.util.find_spec("lava")
    for root in (spec.submodule_search_locations or []) if spec else []:
        path = Path(root).parent / "tests/lava/lib/dl/netx" / name
        if path.exists():
            return path
    pytest.skip("the networks shipped with lava-dl are not installed")
