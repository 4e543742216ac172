"""Where Lava's integers end, in real Lava: sums beyond 24 and 32 bits, delays beyond 62 steps."""

from __future__ import annotations

import numpy as np
import pytest
from netx_files import layer_file
from random_networks import simulate

from benchmarks.parity.rates import counts_as_a_case
from lavarobust.execution import backend
from lavarobust.netx.model import Conv, Dense, Model, Neuron
from lavarobust.netx.read import read_model
from lavarobust.record import Stimulus


def assert_lava_agrees(model: Model, stimulus: Stimulus, **options: bool) -> None:
    ours = simulate(model, stimulus, "membrane")
    theirs = backend("lava", **options).run(model, stimulus, "membrane", keep=list(ours.rasters))
    for index, raster in theirs.rasters.items():
        np.testing.assert_array_equal(ours.rasters[index], raster)
    np.testing.assert_array_equal(ours.potential, theirs.potential)
    for mine, lava in zip(ours.layers, theirs.layers, strict=True):
        np.testing.assert_array_equal(mine.wraps, lava.wraps)
        np.testing.assert_array_equal(mine.clips, lava.clips)
    assert counts_as_a_case(ours)
    assert 0.005 < ours.layers[-1].spikes.mean() / ours.layers[-1].neurons < 0.95


def even(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return (2 * rng.integers(-127, 128, shape)).astype(np.int32)


@pytest.mark.parametrize("fast", [True, False])
def test_convolutions_beyond_24_bits(fast: bool) -> None:
    rng = np.random.default_rng(5)
    conv = Conv(even(rng, (4, 2, 3, 3)), Neuron(4096, 300, 100_000), (4, 5, 5), padding=(1, 1))
    frames = rng.integers(-200_000, 200_001, (4, 2, 5, 5, 6)).astype(np.int32)
    largest = np.abs(conv.weight).reshape(4, -1).sum(1).max() * 200_000
    assert 1 << 23 < largest < 1 << 31
    assert_lava_agrees(Model((conv,), (2, 5, 5)), Stimulus(frames, 6), fast_convolution=fast)


@pytest.mark.parametrize("sparse", [False, True])
def test_dense_sums_beyond_32_bits(sparse: bool) -> None:
    rng = np.random.default_rng(6)
    dense = Dense(even(rng, (6, 5)), Neuron(1000, 300, 70_000))
    frames = rng.integers(-(1 << 26), 1 << 26, (4, 5, 8)).astype(np.int32)
    assert_lava_agrees(Model((dense,), (5,)), Stimulus(frames, 8), sparse_fc_layer=sparse)


@pytest.mark.filterwarnings("ignore:Found max delay of 65")
@pytest.mark.parametrize("sparse", [False, True])
def test_delays_beyond_62_steps(sparse: bool, tmp_path) -> None:
    rng = np.random.default_rng(7)
    path = layer_file(
        tmp_path,
        {
            "type": b"dense",
            "shape": [4],
            "weight": even(rng, (4, 5)).astype(np.float32),
            "delay": np.array([0, 61, 62, 65], dtype=np.float32),
            "neuron/type": b"CUBA",
            "neuron/iDecay": 3000,
            "neuron/vDecay": 100,
            "neuron/vThMant": 80,
        },
    )
    stimulus = Stimulus(rng.integers(0, 2, (4, 5, 66)).astype(np.int32), 66)
    model = read_model(path)
    assert_lava_agrees(model, stimulus, sparse_fc_layer=sparse)
    raster = simulate(model, stimulus, "spike_count").rasters[0]
    assert raster[:, 3, 62:].any() and not raster[:, 3, :62].any(), "a delay of 65 acts as one of 62"
