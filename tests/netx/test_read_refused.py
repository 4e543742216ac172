"""What stock Lava does not run, or no file may say, is refused by name with place and remedy."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from netx_files import CONV, DENSE, LIF, edited, layer_file, put, refuse

from lavarobust.netx import model_image
from netx_models import conv_model


@pytest.fixture(scope="module")
def image() -> bytes:
    """The file of a model with every layer kind: input, conv, grouped conv, flatten, delays, recurrence."""
    return model_image(conv_model())


SDNN = {"neuron/type": b"SDNN", "neuron/vThMant": 1}
COMPLEX = {"type": b"dense", "shape": [2], "weight/real": [[1.0]], "weight/imag": [[1.0]]}
RECURRENT = DENSE | LIF | {"type": b"dense_rec", "weight_rec": [[2, 0], [0, 2]]}


@pytest.mark.parametrize(
    ("entries", "place", "problem"),
    [
        ({"type": b"pool"}, "type", "doesn't run 'pool'"),
        ({"type": b"convT"}, "type", "doesn't run 'convT'"),
        ({"type": b"unpool"}, "type", "doesn't run 'unpool'"),
        ({"type": b"concat"}, "type", "doesn't run 'concat'"),
        ({"type": b"softmax"}, "type", "unknown layer type 'softmax'"),
        (DENSE | {"neuron/type": b"RF_PHASE"}, "neuron/type", "resonate-and-fire"),
        (DENSE | {"neuron/type": b"SDNN"}, "neuron/vThMant", "missing"),
        (DENSE | SDNN | {"neuron/vThMant": -1}, "neuron/vThMant", "not in 0..524287"),
        (DENSE | SDNN | {"neuron/vThMant": 1 << 19}, "neuron/vThMant", "not in 0..524287"),
        (DENSE | SDNN | {"bias": [1 << 19, 0]}, "bias", "within +-524287"),
        (DENSE | SDNN | {"neuron/sigma_output": True, "bias": [1, 0]}, "bias", "send their sum"),
        (DENSE | SDNN | {"neuron/messageBits": 16}, "neuron/messageBits", "fails"),
        (DENSE | {"neuron/type": b"ADEX"}, "neuron/type", "unknown neuron type 'ADEX'"),
        (DENSE | LIF | {"neuron/messageBits": 8}, "neuron/messageBits", "fails"),
        (COMPLEX, "weight", "complex"),
        (RECURRENT | {"delay": [1, 1]}, "delay", "recurrent"),
        (DENSE | {"type": b"dense_rec"}, "weight_rec", "missing"),
        (DENSE | LIF | {"type": b"dense_rec", "weight_rec": [[2, 0, 4], [0, 2, 4]]}, "weight_rec", "shape"),
        (DENSE | {"weight": np.zeros((2, 3))}, "weight", "every weight is zero"),
        (DENSE | {"weight": [[np.nan, 1, 1], [1, 1, 1]]}, "weight", "NaN"),
        (DENSE | {"weight": [[np.inf, 1, 1], [1, 1, 1]]}, "weight", "infinity"),
        (DENSE | {"weight": [[3e9, 1, 1], [1, 1, 1]]}, "weight", "32-bit"),
        (DENSE | {"weight": [[-3e9, 1, 1], [1, 1, 1]]}, "weight", "32-bit"),
        (DENSE | {"weight": np.ones((2, 3), complex)}, "weight", "data type"),
        (DENSE | {"weight": np.array([["a"]], dtype="S1")}, "weight", "data type"),
        (DENSE | {"weight": "text"}, "weight", "data type"),
        (DENSE | {"weight": np.ones((3, 3))}, "weight", "shape (3, 3) for 2 neurons"),
        (DENSE | {"weight": np.ones(5)}, "weight", "shape (5,)"),
        (DENSE | {"weight": np.ones((2, 3, 1))}, "weight", "shape (2, 3, 1)"),
        (DENSE | {"weight": np.ones((0, 3))}, "weight", "empty"),
        (DENSE | {"weight": h5py.Empty("f")}, "weight", "empty"),
        (DENSE | {"bias": [1.0, 2, 3]}, "bias", "shape (3,) for 2"),
        (DENSE | {"bias": [np.nan, 0]}, "bias", "NaN"),
        (DENSE | {"delay": [1, 2, 3, 4]}, "delay", "shape (4,)"),
        (DENSE | {"delay": [1, -2]}, "delay", "negative"),
        (DENSE | {"shape": [0]}, "shape", "impossible shape"),
        (DENSE | {"shape": [-2]}, "shape", "impossible shape"),
        (DENSE | {"shape": [2.5]}, "shape", "fractions"),
        (DENSE | {"shape": [1 << 40]}, "shape", "impossible shape"),
        (DENSE | {"shape": np.ones((2, 2))}, "shape", "has shape (2, 2)"),
        (DENSE | LIF | {"neuron/iDecay": 4097}, "neuron/iDecay", "4097 is not in"),
        (DENSE | LIF | {"neuron/iDecay": -1}, "neuron/iDecay", "-1 is not in"),
        (DENSE | LIF | {"neuron/vDecay": [1, 5000]}, "neuron/vDecay", "5000"),
        (DENSE | LIF | {"neuron/vDecay": [1, 2, 3]}, "neuron/vDecay", "3 decays"),
        (DENSE | LIF | {"neuron/vThMant": -1}, "neuron/vThMant", "-1 is not in"),
        (DENSE | LIF | {"neuron/vThMant": 1 << 25}, "neuron/vThMant", "is not in"),
        (DENSE | LIF | {"neuron/vThMant": [1, 2]}, "neuron/vThMant", "2 numbers"),
        (DENSE | LIF | {"neuron/type": 3}, "neuron/type", "data type"),
        (CONV | {"shape": [2, 4]}, "shape", "shape (2, 4)"),
        (CONV | {"shape": [2, 5, 4]}, "shape", "makes (2, 4, 4)"),
        (CONV | {"weight": np.ones((2, 2, 3, 3))}, "weight", "takes 2 channels"),
        (CONV | {"weight": np.ones((2, 1, 7, 7))}, "weight", "doesn't fit"),
        (CONV | {"weight": np.ones((2, 1, 3, 3, 2))}, "weight", "4 axes"),
        (CONV | {"stride": [0, 1]}, "stride", "is not in 1..127"),
        (CONV | {"stride": [1, -1]}, "stride", "is not in 1..127"),
        (CONV | {"stride": [1, 200]}, "stride", "is not in 1..127"),
        (CONV | {"stride": [1, 1, 1]}, "stride", "3 numbers"),
        (CONV | {"padding": [-1, 0]}, "padding", "is not in 0..127"),
        (CONV | {"dilation": 0}, "dilation", "is not in 1..127"),
        (CONV | {"groups": 0}, "groups", "is not in 1..127"),
        (CONV | {"groups": 3}, "groups", "3 groups"),
        (CONV | {"bias": np.ones((2, 4, 4))}, "bias", "shape (2, 4, 4)"),
        ({"type": b"input", "shape": [2, 2]}, "shape", "(2, 2)"),
    ],
)  # fmt: skip
def test_malformed_layers(tmp_path: Path, entries: dict[str, object], place: str, problem: str) -> None:
    path = layer_file(tmp_path, entries)
    shape = (1, 4, 4) if entries.get("type") is CONV["type"] else None
    refuse(path, f"layer/0/{place}", problem, input_shape=shape)


KEYS = """type shape weight stride padding dilation groups
    neuron neuron/type neuron/iDecay neuron/vDecay neuron/vThMant"""


@pytest.mark.parametrize("key", KEYS.split())
def test_missing_datasets(image: bytes, tmp_path: Path, key: str) -> None:
    def remove(file: h5py.File) -> None:
        del file[f"layer/1/{key}"]

    refuse(edited(image, tmp_path, remove), f"layer/1/{key}", "is missing")


def test_layers_must_fit_each_other(tmp_path: Path) -> None:
    flat = {"type": b"flatten"}
    conv_then_dense = layer_file(tmp_path, CONV, DENSE | {"weight": np.ones((2, 32))})
    refuse(conv_then_dense, "layer/1", "dense behind a layer of shape (2, 4, 4)", input_shape=(1, 4, 4))
    wrong = layer_file(tmp_path, CONV, flat, DENSE)
    refuse(
        wrong, "layer/2/weight", "takes 3 inputs, but what comes before it gives 32", input_shape=(1, 4, 4)
    )
    refuse(layer_file(tmp_path, DENSE, flat, DENSE), "layer/1", "flatten of shape (2,)")
    refuse(layer_file(tmp_path, DENSE, CONV), "layer/1", "conv of an input of shape (2,)")
    refuse(layer_file(tmp_path, DENSE, {"type": b"input", "shape": [2]}), "layer/1", "behind another layer")
    refuse(layer_file(tmp_path, {"type": b"input", "shape": [2]}), "", "no dense or conv layer")
    named = refuse(layer_file(tmp_path, CONV), "layer/0", "doesn't say its input's shape")
    assert "--input-shape" in named.remedy
    assert "input_shape=" in named.remedy


def test_layer_numbers_have_no_gap(image: bytes, tmp_path: Path) -> None:
    refuse(edited(image, tmp_path, lambda file: file.move("layer/3", "layer/9")), "layer", "holds the layers")
    refuse(
        edited(image, tmp_path, lambda file: file.move("layer/3", "layer/03")), "layer", "holds the layers"
    )
    refuse(layer_file(tmp_path), "layer", "is missing: HDF5, but not NetX")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"no json", "is not JSON"),
        (b"{}", "'format_version' is missing"),
        (b"\xff\xfe", "can't be read"),
        (7, "data type"),
    ],
)
def test_damaged_deployment(image: bytes, tmp_path: Path, text: object, problem: str) -> None:
    path = edited(image, tmp_path, lambda file: put(file, "lavarobust/deployment", text))
    refuse(path, "lavarobust/deployment", problem)


def test_contradicting_input_shapes(image: bytes, tmp_path: Path) -> None:
    def contradict(file: h5py.File) -> None:
        put(file, "lavarobust/netx_arguments/input_shape", [7, 8, 3])

    refuse(edited(image, tmp_path, contradict), "lavarobust/deployment", "beside (3, 8, 7)")
