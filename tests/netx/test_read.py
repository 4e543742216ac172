"""Files of every writer are read as stock Lava runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from netx_files import CONV, DENSE, LIF, layer_file

from lavarobust.errors import ModelFileError, SettingsError
from lavarobust.netx import READOUT, UNSPECIFIED, Conv, Dense, Flatten, Input, Model, model_image, read_model
from lavarobust.netx.equality import models_equal
from netx_models import conv_model, even_weight, shipped


@pytest.fixture(scope="module")
def image() -> bytes:
    """The file of a model with every layer kind: input, conv, grouped conv, flatten, delays, recurrence."""
    return model_image(conv_model())


def test_a_written_model_is_read_back(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.net"
    path.write_bytes(image)
    model = read_model(path)
    assert models_equal(model, conv_model())
    assert model.name == str(path)


def test_dense_alone_infers_its_input_and_gets_the_loaders_default_neuron(tmp_path: Path) -> None:
    model = read_model(layer_file(tmp_path, DENSE))
    (layer,) = model.layers
    assert isinstance(layer, Dense)
    assert layer.neuron is UNSPECIFIED
    assert layer.weight.tolist() == [[2, -4, 6], [8, 0, -2]]
    assert layer.weight.dtype == np.int32
    assert model.input_shape == (3,)
    assert model.deployment is None


@pytest.mark.parametrize("text", [b"dense", "dense", np.array([b"dense"]), np.array(["dense"], dtype=object)])
def test_type_as_text_or_bytes_scalar_or_array(tmp_path: Path, text: object) -> None:
    assert isinstance(read_model(layer_file(tmp_path, DENSE | {"type": text})).layers[0], Dense)


@pytest.mark.parametrize(
    "wrap", [int, float, np.int16, np.uint8, np.float32, lambda value: np.array([value])]
)
def test_numbers_of_any_type_as_scalars_or_one_element(tmp_path: Path, wrap: Callable[[int], object]) -> None:
    neuron = {
        "neuron/type": "LOIHI",
        "neuron/iDecay": wrap(100),
        "neuron/vDecay": wrap(50),
        "neuron/vThMant": wrap(9),
    }
    layer = read_model(layer_file(tmp_path, DENSE | neuron)).layers[0]
    assert isinstance(layer, Dense)
    assert (layer.neuron.current_decay, layer.neuron.voltage_decay, layer.neuron.threshold) == (100, 50, 9)
    assert layer.neuron.kind == "LOIHI"


def test_weights_are_cut_toward_zero_and_reshaped(tmp_path: Path) -> None:
    weight = np.array([2.9, -3.9, 0.9, -0.9, 5.0, -6.5])
    layer = read_model(layer_file(tmp_path, DENSE | {"weight": weight, "shape": [2, 1, 1]})).layers[0]
    assert isinstance(layer, Dense)
    assert layer.weight.tolist() == [[2, -3, 0], [0, 5, -6]]


def test_decays_per_channel_and_a_bias_for_all(tmp_path: Path) -> None:
    entries = DENSE | LIF | {"neuron/iDecay": [0, 4096], "neuron/vDecay": [7], "bias": np.float32([-3.5])}
    layer = read_model(layer_file(tmp_path, entries)).layers[0]
    assert isinstance(layer, Dense)
    assert isinstance(layer.neuron.current_decay, np.ndarray)
    assert layer.neuron.current_decay.tolist() == [0, 4096]
    assert layer.neuron.voltage_decay == 7
    assert layer.bias is not None
    assert layer.bias.tolist() == [-3, -3]


@pytest.mark.parametrize(
    ("delay", "expected"),
    [
        (np.float32([1.9, 70.2]), [1, 70]),
        (np.float32([0.5, 1.0, 3.2]), [0, 1, 3]),
        (5, [5, 5]),
        ([[1, 2, 3], [4, 5, 6]], [[1, 2, 3], [4, 5, 6]]),
    ],
)
def test_delays_per_output_per_input_for_all_or_per_synapse(
    tmp_path: Path, delay: object, expected: object
) -> None:
    layer = read_model(layer_file(tmp_path, DENSE | LIF | {"delay": delay})).layers[0]
    assert isinstance(layer, Dense)
    assert layer.delay is not None
    assert layer.delay.tolist() == expected


def test_five_axes_of_a_convolution_and_one_number_for_two(tmp_path: Path) -> None:
    weight = np.float32(even_weight((2, 1, 3, 3)))[..., None]
    entries = CONV | {"weight": weight, "stride": 1, "padding": [1], "dilation": [1], "groups": [1]}
    model = read_model(layer_file(tmp_path, entries), input_shape=(1, 4, 4))
    layer = model.layers[0]
    assert isinstance(layer, Conv)
    assert layer.weight.shape == (2, 1, 3, 3)
    assert (layer.stride, layer.padding, layer.dilation, layer.groups) == ((1, 1), (1, 1), (1, 1), 1)
    assert model.input_shape == (1, 4, 4)


def test_the_input_shape_is_taken_from_the_files_own_group(tmp_path: Path) -> None:
    path = layer_file(tmp_path, CONV)
    with h5py.File(path, "r+") as file:
        file["lavarobust/netx_arguments/input_shape"] = [4, 4, 1]  # W, H, C
    assert read_model(path).input_shape == (1, 4, 4)
    with pytest.raises(SettingsError, match=r"input_shape \(1, 5, 4\).*itself says \(1, 4, 4\)"):
        read_model(path, input_shape=(1, 5, 4))


def test_what_stock_lava_ignores_is_kept_for_check(tmp_path: Path) -> None:
    extra = {
        "delay": np.float32([0, 3]),
        "neuron/refDelay": 4,
        "neuron/gradedSpike": True,
        "neuron/weight_exp": [2.0],
    }
    model = read_model(layer_file(tmp_path, CONV | extra), input_shape=(1, 4, 4))
    assert [index for index, _ in model.ignored] == [0, 0, 0, 0]
    assert "delay" in model.ignored[0][1]
    plain = read_model(
        layer_file(tmp_path, CONV | {"delay": [0.0], "neuron/refDelay": 1}), input_shape=(1, 4, 4)
    )
    assert plain.ignored == ()


def test_only_the_first_layers_are_read(tmp_path: Path) -> None:
    path = layer_file(tmp_path, DENSE | LIF, {"type": b"average", "shape": [1]})
    with pytest.raises(ModelFileError, match=r"layer/1/type: stock Lava doesn't run 'average'.*layers=n"):
        read_model(path)
    assert len(read_model(path, layers=1).layers) == 1
    with pytest.raises(SettingsError, match="at least one layer"):
        read_model(path, layers=0)


def test_shipped_tiny() -> None:
    model = read_model(shipped("tiny.net"))
    first, *convolutions = model.layers
    assert isinstance(first, Input)
    assert (first.weight, first.bias) == (36, 34)
    assert first.neuron is not None
    assert (first.neuron.current_decay, first.neuron.voltage_decay, first.neuron.threshold) == (
        4096,
        1024,
        25,
    )
    assert [layer.shape for layer in convolutions if isinstance(layer, Conv)] == [(24, 6, 6), (36, 1, 1)]


def test_shipped_mnist() -> None:
    model = read_model(shipped("mnist.net"))
    assert model.input_shape == (784,)
    assert [layer.shape for layer in model.layers if isinstance(layer, Dense)] == [(512,), (512,), (10,)]
    assert model.layers[-1].neuron is UNSPECIFIED  # type: ignore[union-attr]


def test_shipped_pilotnet() -> None:
    model = read_model(shipped("gts/pilotnet_lif/network.net"))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Input", *["Conv"] * 5, "Flatten", *["Dense"] * 4]
    assert model.layers[-1].weight.shape == (1, 10)  # type: ignore[union-attr]


def test_shipped_ntidigits() -> None:
    path = shipped("gts/ntidigits/ntidigits.net")
    model = read_model(path, layers=5)
    assert model.input_shape == (1, 1, 64)
    assert isinstance(model.layers[1], Flatten)
    delays = [layer.delay for layer in model.layers if isinstance(layer, Dense)]
    assert [None if delay is None else int(delay.max()) for delay in delays] == [62, 62, None]
    with pytest.raises(ModelFileError, match="layer/5/type"):
        read_model(path)


def test_flat_input_layer_with_an_image_deployment(tmp_path: Path) -> None:
    model = conv_model()
    assert model.deployment is not None
    flat = Model((Input((112,)), Dense(even_weight((3, 112)), READOUT)), (112,), model.deployment)
    path = tmp_path / "flat.net"
    path.write_bytes(model_image(flat))
    assert models_equal(read_model(path), flat)


def test_reading_loads_neither_torch_nor_lava(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.net"
    path.write_bytes(image)
    code = (
        "import sys; from lavarobust.netx import read_model, check_model; "
        f"check_model(read_model({str(path)!r})); "
        "assert not {'torch', 'lava', 'scipy'} & set(sys.modules), 'loaded too much'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
