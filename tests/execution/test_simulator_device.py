"""On a GPU the same integers; without one, the same way through the layers on the CPU."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from extended_models import softened

from benchmarks.parity import convolutional, dense, residual
from lavarobust.errors import BackendError
from lavarobust.execution.simulator import Simulator, backend
from lavarobust.netx.model import Conv, Dense, Model, Neuron
from lavarobust.record import LayerCounts, Record, Stimulus

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device here")
SILENT = Neuron(4096, 0, 131_072)


def assert_same(one: Record, other: Record) -> None:
    for name in ("prediction", "tied", "output_counts", "potential"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    for left, right in zip(one.layers, other.layers, strict=True):
        for field in fields(LayerCounts):
            np.testing.assert_array_equal(getattr(left, field.name), getattr(right, field.name), field.name)
    for index, raster in one.rasters.items():
        assert raster.dtype == other.rasters[index].dtype
        np.testing.assert_array_equal(raster, other.rasters[index])


def assert_devices_agree(model: Model, stimulus: Stimulus, readout: str, device: str, **limits: int) -> None:
    keep = [index for index, _ in model.populations]
    expected = Simulator().run(model, stimulus, readout, keep)
    assert_same(Simulator(device=device, **limits).run(model, stimulus, readout, keep), expected)


@pytest.mark.parametrize("generator", [dense, convolutional, residual])
def test_the_way_over_a_device_gives_the_same(generator, monkeypatch) -> None:
    monkeypatch.setattr(backend, "find_device", lambda name: torch.device("cpu"))
    for seed in range(8):
        model, *rest = generator.random_model(np.random.default_rng(seed))
        drawn = (softened(model) if seed % 2 else model, *rest)
        assert_devices_agree(*drawn, device="stand-in")
        assert_devices_agree(*drawn, device="stand-in", memory_limit=1)


@pytest.mark.parametrize("device", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device) -> None:
    model = Model((Dense(np.array([[2, -2]], dtype=np.int32), SILENT),), (2,))
    with pytest.raises(BackendError, match=rf"no device '{device}' to simulate on: .*Choose 'cpu' or 'cuda'"):
        Simulator(device=device).run(model, Stimulus(np.ones((1, 2, 1), dtype=np.int32), 1))


def full_range(rng: np.random.Generator) -> tuple[Model, Stimulus]:
    """Layers whose sums of graded inputs come near 2**22, where TF32 and fast transforms are wrong."""
    weight = rng.choice([-254, 254, -127, 1], (8, 3, 3, 3)).astype(np.int32)
    conv = Conv(weight, Neuron(4096, 0, int(rng.integers(1, 131_072))), (8, 9, 9), padding=(1, 1))
    matrix = rng.integers(-127, 128, (5, 8 * 81)).astype(np.int32) * 2
    model = Model((conv, Dense(matrix, Neuron(100, 200, 131_072))), (3, 9, 9))
    frames = rng.integers(0, 612, (6, 3, 9, 9, 4)) * rng.choice([1, -1], (6, 1, 1, 1, 1))
    return model, Stimulus(frames.astype(np.int32), 6)


def test_full_range_sums_come_near_22_bits(monkeypatch) -> None:
    monkeypatch.setattr(backend, "find_device", lambda name: torch.device("cpu"))
    model, stimulus = full_range(np.random.default_rng(0))
    assert np.abs(model.layers[0].weight).reshape(8, -1).sum(1).max() * 611 > 2**21
    assert_devices_agree(model, stimulus, "membrane", "stand-in")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("seed", range(10))
def test_full_range_sums_on_a_gpu(seed) -> None:
    assert_devices_agree(*full_range(np.random.default_rng(seed)), "membrane", "cuda")


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("generator", [dense, convolutional, residual])
@pytest.mark.parametrize("seed", range(20))
def test_random_networks_on_a_gpu(generator, seed) -> None:
    assert_devices_agree(*generator.random_model(np.random.default_rng(seed)), "cuda")
