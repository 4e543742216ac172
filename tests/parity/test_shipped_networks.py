"""The networks that travel in lava-dl's wheel run on the simulator as on Lava, spike for spike."""

from __future__ import annotations

from importlib.metadata import files

import numpy as np
import pytest

from lavarobust.compat import activate
from lavarobust.execution import backend
from lavarobust.netx import read_model
from lavarobust.record import Stimulus

activate()


def shipped(name: str):
    """Path of a file in lava-dl's installed tests."""
    for file in files("lava-dl") or ():
        if str(file) == f"tests/lava/lib/dl/netx/{name}":
            return file.locate()
    pytest.skip(f"lava-dl's wheel does not hold {name}")


def assert_runs_alike(
    name: str, stimulus: Stimulus, layers: int | None = None, silent: tuple[int, ...] = ()
) -> None:
    model = read_model(shipped(name), layers=layers)
    every = [index for index, _ in model.populations]
    ours = backend("simulator").run(model, stimulus, keep=every)
    theirs = backend("lava").run(model, stimulus, keep=every)
    for index, mine, lava in zip(every, ours.layers, theirs.layers, strict=True):
        assert np.array_equal(ours.rasters[index], theirs.rasters[index]), mine.name
        for field in ("spikes", "synops", "synops_dense", "input_events", "wraps", "clips"):
            assert np.array_equal(getattr(mine, field), getattr(lava, field)), f"{mine.name}: {field}"
        rate = ours.rasters[index].mean()
        assert index in silent or 0.005 <= rate <= 0.95, f"{mine.name} spikes at a rate of {rate:.2%}"


def test_tiny_convolutional_network() -> None:
    rng = np.random.default_rng(0)
    assert_runs_alike("tiny.net", Stimulus(rng.integers(-20, 37, (12, 3, 16, 16, 1)).astype(np.int32), 16))


def test_mnist_perceptron() -> None:
    rng = np.random.default_rng(1)
    # its last layer has no neuron group: the stock loader makes it a readout that can't spike
    assert_runs_alike(
        "mnist.net", Stimulus(rng.integers(-40, 77, (8, 784, 1)).astype(np.int32), 32), silent=(3,)
    )


def test_spoken_digits_with_axonal_delays_in_part() -> None:
    assert_runs_alike("gts/ntidigits/ntidigits.net", spoken_digit(slice(400, 700)), layers=5)


def test_pilotnet() -> None:
    rng = np.random.default_rng(2)
    frame = rng.integers(-20, 41, (1, 3, 66, 200, 1)).astype(np.int32)
    assert_runs_alike("gts/pilotnet_lif/network.net", Stimulus(frame, 16), silent=(10,))


@pytest.mark.slow
def test_spoken_digits_with_axonal_delays_whole() -> None:
    assert_runs_alike("gts/ntidigits/ntidigits.net", spoken_digit(slice(None)), layers=5)


def spoken_digit(part: slice) -> Stimulus:
    """One recording of the wheel, ``(1, 1, 1, 64, T)``, lava-dl's own test input."""
    raster = np.load(shipped("gts/ntidigits/input.npy"), allow_pickle=False)[:, part].astype(np.int32)
    return Stimulus(raster.reshape(1, 1, 1, *raster.shape), raster.shape[1])
