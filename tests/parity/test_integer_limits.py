"""Where Lava's integers end, in real Lava: sums beyond 24 and 32 bits, delays beyond 62 steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from netx_files import layer_file
from random_networks import simulate

from benchmarks.parity.compare import compare
from benchmarks.parity.compare import simulate as simulate_fast
from benchmarks.parity.rates import counts_as_a_case
from benchmarks.parity.trial import Trial
from lavarobust.execution import backend
from lavarobust.netx.model import Conv, Dense, Input, Model, Neuron, SigmaDelta
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
    assert counts_as_a_case(ours, model)
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


@pytest.mark.parametrize("delay", [None, [0, 0], [1, 2]])
@pytest.mark.parametrize("weights", [[2, 2], [2, -2], [114, -106], [6, 4]])
@pytest.mark.parametrize(
    "sent", [[12_000_000, 12_000_000], [18_000_000, 100], [18_000_000, -17_000_000], [1 << 28, 5]]
)
def test_sums_and_products_beyond_32_bits_before_their_shift(weights, sent, delay) -> None:
    """Fitted into 8 bits, small weights are held up to 256 times larger and their sums shifted back."""
    dense = Dense(np.array([weights, weights[::-1]], dtype=np.int32), Neuron(4096, 4000, 100))
    if delay is not None:
        dense = replace(dense, delay=np.array(delay, dtype=np.int32))
    model, stimulus = Model((dense,), (2,)), Stimulus(np.array(sent, dtype=np.int32)[None, :, None], 4)
    ours = simulate(model, stimulus, "membrane")
    theirs = backend("lava").run(model, stimulus, "membrane", keep=[0])
    np.testing.assert_array_equal(ours.rasters[0], theirs.rasters[0])
    np.testing.assert_array_equal(ours.potential, theirs.potential)
    np.testing.assert_array_equal(ours.layers[0].wraps, theirs.layers[0].wraps)


def test_lavas_delayed_sparse_layers_hold_sums_in_fewer_bits_than_its_dense_ones() -> None:
    """The simulator equals the dense ones; the fuzzer says where Lava differs from itself."""
    encoder = Input((2,), SigmaDelta(0), weight=64)
    dense = Dense(
        np.array([[114, -106]], dtype=np.int32), SigmaDelta(524_287), delay=np.array([0], dtype=np.int32)
    )
    stimulus = Stimulus(np.array([[[-12_791_379], [6_206_824]]], dtype=np.int32), 1)
    trial = Trial(Model((encoder, dense), (2,)), stimulus, "membrane", sparse_fc_layer=True)
    sparse, unasked = (
        backend("lava", sparse_fc_layer=asked).run(trial.model, stimulus, "membrane")
        for asked in (True, False)
    )
    assert sparse.potential.tolist() != unasked.potential.tolist()
    assert simulate(trial.model, stimulus, "membrane").potential.tolist() == unasked.potential.tolist()
    found = compare(trial)
    assert not found.differences and "sparse unlike dense" in found.features
    broken = compare(
        trial, lambda *given: replace(simulate_fast(*given), potential=np.zeros((1, 1), dtype=np.int64))
    )
    assert broken.differences


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
