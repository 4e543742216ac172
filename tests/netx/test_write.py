"""Written files: exact, deterministic, whole or absent, and refused where Lava would run other integers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netx_files import unprivileged

from lavarobust.errors import LavarobustError, ModelFileError
from lavarobust.netx import (
    READOUT,
    Conv,
    Dense,
    Flatten,
    Layer,
    Model,
    Neuron,
    model_image,
    read_model,
    write_model,
)
from lavarobust.netx.equality import models_equal
from netx_models import conv_model, even_weight, shipped

ROOT = Path(__file__).parents[2]


def dense(weight: object, neuron: Neuron = READOUT, **more: object) -> Model:
    array = np.array(weight, dtype=np.int32)
    return Model((Dense(array, neuron, **more),), input_shape=(array.shape[1],))  # type: ignore[arg-type]


@pytest.mark.parametrize("deployment", [True, False])
def test_round_trip_is_exact(tmp_path: Path, deployment: bool) -> None:
    model = conv_model(deployment)
    path = write_model(model, tmp_path / "model.net")
    assert models_equal(read_model(path), model)
    assert os.listdir(tmp_path) == ["model.net"]


def test_a_convolution_without_input_layer_keeps_its_input_shape(tmp_path: Path) -> None:
    model = replace(conv_model(deployment=False), layers=conv_model().layers[1:])
    assert models_equal(read_model(write_model(model, tmp_path / "model.net")), model)


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("tiny.net", None),
        ("mnist.net", None),
        ("gts/pilotnet_lif/network.net", None),
        ("gts/ntidigits/ntidigits.net", 5),
    ],
)
def test_shipped_networks_round_trip(tmp_path: Path, name: str, layers: int | None) -> None:
    model = read_model(shipped(name), layers=layers)
    assert models_equal(read_model(write_model(model, tmp_path / "again.net")), model)


@settings(max_examples=60)
@given(st.data())
def test_any_model_round_trips(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    draw = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    path = tmp_path_factory.mktemp("round") / "model.net"
    sizes = [int(size) for size in draw.integers(1, 6, data.draw(st.integers(2, 5)))]
    layers: list[Layer] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        weight = (2 * draw.integers(-127, 128, (outputs, inputs))).astype(np.int32)
        weight[0, 0] = 2
        decay = (
            int(draw.integers(0, 4097))
            if draw.random() < 0.5
            else draw.integers(0, 4097, outputs).astype(np.int32)
        )
        if isinstance(decay, np.ndarray) and outputs == 1:
            decay = int(decay[0])
        neuron = Neuron(decay, int(draw.integers(0, 4097)), int(draw.integers(0, 1 << 18)))
        bias = draw.integers(-(1 << 15), 1 << 15, outputs).astype(np.int32) if draw.random() < 0.5 else None
        delay = draw.integers(0, 80, outputs).astype(np.int32) if draw.random() < 0.3 else None
        recurrent = (
            (2 * draw.integers(-127, 128, (outputs, outputs))).astype(np.int32)
            if delay is None and draw.random() < 0.3
            else None
        )
        layers.append(Dense(weight, neuron, bias, delay, recurrent))
        if index == 0:
            layers.insert(0, Flatten())
    model = Model(tuple(layers), input_shape=(1, 1, sizes[0]))
    assert models_equal(read_model(write_model(model, path)), model)


def test_the_layout_is_what_lava_dl_writes_and_its_loader_needs(tmp_path: Path) -> None:
    with h5py.File(write_model(conv_model(), tmp_path / "model.net")) as file:
        assert sorted(file) == ["lavarobust", "layer"]
        assert sorted(file["layer"]) == [str(index) for index in range(7)]
        conv = file["layer/2"]
        assert conv["type"][0] == b"conv"
        assert conv["shape"][()].tolist() == [6, 3, 5]
        assert conv["weight"].dtype == np.float32
        assert conv["stride"][()].tolist() == [2, 1]
        assert conv["groups"].shape == ()
        assert conv["neuron/vDecay"][()].tolist() == [0, 1, 2, 3, 4, 5]
        assert (int(conv["neuron/refDelay"][()]), bool(conv["neuron/gradedSpike"][()])) == (1, False)
        assert file["layer/5/type"][0] == b"dense_rec"
        arguments = {key: value[()].tolist() for key, value in file["lavarobust/netx_arguments"].items()}
        # the largest normalised pixel is 1.0 (of mean .5, deviation .5): 16 levels and a sign
        assert arguments == {
            "input_message_bits": 6, "input_shape": [7, 8, 2], "reset_interval": 8, "reset_offset": 1,
        }  # fmt: skip
        visited: list[str] = []
        file.visititems(lambda name, item: visited.append(name) if len(item.attrs) else None)
        assert visited == []  # NetX uses no attributes


def test_the_same_model_gives_the_same_bytes_at_another_time_and_in_another_process() -> None:
    first = model_image(conv_model())
    time.sleep(1.1)
    assert model_image(conv_model()) == first
    code = (
        "import sys; sys.path.insert(0, 'tests/helpers'); from netx_models import conv_model; "
        "from lavarobust.netx import model_image; sys.stdout.buffer.write(model_image(conv_model()))"
    )
    made = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True).stdout
    assert made == first


@pytest.mark.parametrize(
    ("model", "where", "problem"),
    [
        (dense([[0, 0]]), "layer/0/weight", "every weight is zero"),
        (dense([[300, -2]]), "layer/0/weight", "would execute other weights (changed: 1)"),
        (dense([[256, 2]]), "layer/0/weight", "changed: 2"),
        (dense([[0, -255]]), "layer/0/weight", "changed: 1"),
        (dense([[2]], recurrent_weight=np.array([[-300]], np.int32)), "layer/0/weight", "changed: 1"),
        (dense([[2]], bias=np.array([1 << 15], np.int32)), "layer/0/bias", "32768 leaves int16"),
        (dense([[2]], bias=np.array([-(1 << 15) - 1], np.int32)), "layer/0/bias", "-32769 leaves int16"),
        (dense([[2]], Neuron(0, 0, 1 << 18)), "layer/0/neuron/vThMant", "more than 18 bits"),
        (dense([[2]], Neuron(0, 5000, 1)), "layer/0/neuron/vDecay", "5000"),
        (dense([[2]], bias=np.array([1, 2], np.int32)), "layer/0/bias", "shape (2,)"),
        (replace(dense([[2]]), input_shape=(2,)), "layer/0/weight", "takes 1 inputs"),
        (Model((Flatten(),), (4,)), "", "no dense or conv layer"),
        (
            Model((Conv(np.full((1, 1, 1, 1), (1 << 24) + 1, np.int32), READOUT, (1, 2, 2)),), (1, 2, 2)),
            "layer/0/weight", "beyond 2**24",
        ),
    ],
)  # fmt: skip
def test_what_lava_would_not_execute_as_it_stands_is_refused(
    tmp_path: Path, model: Model, where: str, problem: str
) -> None:
    path = tmp_path / "model.net"
    path.write_bytes(b"old")
    with pytest.raises(ModelFileError) as caught:
        write_model(model, path)
    assert caught.value.where == (f"{path}: {where}" if where else str(path))
    assert problem in caught.value.problem
    assert caught.value.remedy
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.net"]


def test_a_recipe_that_is_not_plain_data_is_refused(tmp_path: Path) -> None:
    model = conv_model()
    assert model.deployment is not None
    for recipe in ({"x": object()}, {"x": float("nan")}):
        odd = replace(model, deployment=replace(model.deployment, recipe=recipe))
        with pytest.raises(ModelFileError, match="lavarobust/deployment: the record is not plain data"):
            write_model(odd, tmp_path / "model.net")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "model.net"
    path.write_bytes(b"old")
    code = (
        "import resource, sys; sys.path.insert(0, 'tests/helpers'); from netx_models import conv_model\n"
        "from lavarobust.errors import LavarobustError\n"
        "from lavarobust.netx import write_model\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        f"try: write_model(conv_model(), {str(path)!r})\n"
        "except LavarobustError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True, text=True)
    assert f"{path}: can't be written" in done.stdout
    assert done.stdout.count("\n") == 1
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["model.net"]


def test_a_folder_that_is_missing_or_the_name_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(LavarobustError, match="can't be written"):
        write_model(conv_model(), tmp_path / "missing" / "model.net")
    with pytest.raises(LavarobustError, match="can't be written"):
        write_model(conv_model(), tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_read_only_folder() -> None:
    with unprivileged(0o555) as folder:
        with pytest.raises(LavarobustError, match=r"can't be written .Permission denied"):
            write_model(conv_model(), folder / "model.net")
        assert os.listdir(folder) == []


def test_the_stock_loader_builds_the_written_file(tmp_path: Path) -> None:
    pytest.importorskip("lava")
    from lavarobust.compat import activate

    activate()
    from lava.lib.dl.netx.hdf5 import Network

    path = tmp_path / "model.net"
    write_model(conv_model(), path)
    network = Network(
        net_config=str(path), input_message_bits=6, input_shape=(7, 8, 2), reset_interval=8, reset_offset=1
    )
    shapes = [tuple(int(size) for size in layer.out.shape) for layer in network.layers]
    assert shapes == [(7, 8, 4), (5, 3, 6), (5,), (4,), (3,)]
    read = [layer for layer in read_model(path).layers if isinstance(layer, (Dense, Conv))]
    for built, layer in zip(network.layers, read, strict=True):
        assert int(built.neuron.vth.init) == layer.neuron.threshold
        np.testing.assert_array_equal(np.asarray(built.neuron.du.init) + 1, layer.neuron.current_decay)
        np.testing.assert_array_equal(built.neuron.dv.init, layer.neuron.voltage_decay)
        bias = np.broadcast_to(built.neuron.bias_mant.init, built.out.shape)
        expected = layer.bias if layer.bias is not None else np.zeros(layer.shape[0])
        np.testing.assert_array_equal(bias, np.broadcast_to(expected, built.out.shape))


def test_even_weights_of_any_sign_are_accepted(tmp_path: Path) -> None:
    for weight in (even_weight((3, 4)), abs(even_weight((3, 4))) + 2, -abs(even_weight((3, 4), 1)) + 0):
        model = dense(np.clip(weight, -254, 254))
        assert models_equal(read_model(write_model(model, tmp_path / "model.net")), model)
