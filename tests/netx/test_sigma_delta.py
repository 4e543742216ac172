"""Sigma-delta layers in files: read as the stock loader reads them, written back byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks.parity.sigma_delta import random_model
from lavarobust.errors import ModelFileError
from lavarobust.netx import (
    Dense,
    Deployment,
    Encoding,
    Input,
    Model,
    Neuron,
    SigmaDelta,
    check_model,
    effective_bias,
    model_image,
    read_model,
    state_bounds,
    stock_call,
    write_model,
)
from lavarobust.netx.equality import models_equal
from netx_models import even_weight, shipped

DEPLOYMENT = Deployment(4, Encoding("repeat", 64), "membrane", (3,))
MODEL = Model(
    (
        Input((3,), SigmaDelta(2)),
        Dense(even_weight((4, 3)), SigmaDelta(5), np.array([1, -2, 0, 7], dtype=np.int32)),
        Dense(even_weight((2, 4), 1), SigmaDelta(0, sends_sum=True)),
    ),
    (3,),
    DEPLOYMENT,
)


def test_shipped_pilotnet() -> None:
    model = read_model(shipped("gts/pilotnet_sdnn/network.net"))
    assert model.input_shape == (3, 33, 100)
    neurons = [layer.neuron for _, layer in model.populations]
    assert all(isinstance(neuron, SigmaDelta) for neuron in neurons)
    assert [neuron.threshold for neuron in neurons if neuron] == [0, 13, 0, 0, 0, 23, 1, 6, 6]
    assert [index for index, layer in model.populations if layer.neuron.sends_sum] == [9]  # type: ignore[union-attr]
    assert model.sigma_delta
    assert not model.ignored


@pytest.mark.parametrize("seed", range(30))
def test_written_and_read_back(seed: int, tmp_path: Path) -> None:
    model, _, _ = random_model(np.random.default_rng(seed))
    write_model(model, tmp_path / "model.net")
    back = read_model(tmp_path / "model.net")
    assert models_equal(back.layers, model.layers)
    assert model_image(back) == (tmp_path / "model.net").read_bytes()


def test_the_file_stores_no_reset(tmp_path: Path) -> None:
    write_model(MODEL, tmp_path / "model.net")
    with h5py.File(tmp_path / "model.net") as file:
        arguments = {key: value[()].tolist() for key, value in file["lavarobust/netx_arguments"].items()}
        assert arguments == {"input_shape": [3], "input_message_bits": 7}
        assert file["layer/2/neuron/sigma_output"][()]
        assert "sigma_output" not in file["layer/1/neuron"]
    assert models_equal(read_model(tmp_path / "model.net"), MODEL)
    assert stock_call(MODEL).endswith("input_message_bits=7, input_shape=(3,))")


def test_another_activation_is_ignored_as_the_loader_ignores_it(tmp_path: Path) -> None:
    write_model(MODEL, tmp_path / "model.net")
    with h5py.File(tmp_path / "model.net", "a") as file:
        file["layer/1/neuron/activation"][...] = b"tanh"
        del file["layer/2/neuron/vThMant"]
        del file["layer/2/neuron/activation"]
    model = read_model(tmp_path / "model.net")
    assert model.ignored == ((1, "activation 'tanh' (neuron/activation)"),)
    assert models_equal(model.layers, MODEL.layers)
    assert any("tanh" in finding.problem for finding in check_model(model))


def test_a_bias_is_shifted_by_twelve_bits_and_not_cut_to_sixteen() -> None:
    layer = Dense(np.array([[2]]), SigmaDelta(0), np.array([70_000], dtype=np.int32))
    assert effective_bias(layer).tolist() == [70_000 << 12]


def test_neurons_of_two_kinds_are_refused() -> None:
    lif = Dense(even_weight((2, 2), 3), Neuron(4096, 0, 10))
    with pytest.raises(ModelFileError, match=r"layer/3/neuron: sigma-delta and LIF"):
        model_image(replace(MODEL, layers=(*MODEL.layers, lif)))


def test_bounds_are_of_sums() -> None:
    with pytest.raises(ModelFileError, match="sum_bounds"):
        state_bounds(MODEL, 4, 0, 64, 4)


def test_what_a_user_of_stock_lava_is_told() -> None:
    said = {finding.layer: finding.remedy for finding in check_model(MODEL)}
    assert "in_layer.neuron.a_in" in said["0 input"]
    assert "network of its own" in said["model"]
    assert not any(finding.severity == "error" for finding in check_model(MODEL))
    assert any("does not run" in finding.problem for finding in check_model(MODEL, "loihi2"))
