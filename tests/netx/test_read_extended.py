"""Extended files: what stock NetX can't say, read back exactly, and refused wherever it is not understood."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from extended_models import gated, identity_block, joined, skipping, softened, summed
from netx_files import DENSE, LIF, Edit, edited, layer_file, put, refuse

from lavarobust.errors import ModelFileError
from lavarobust.netx import check_model, model_image, read_model, stock_call, write_model
from lavarobust.netx.equality import models_equal
from lavarobust.netx.model import Flatten, Input, Shortcut
from netx_models import conv_model, even_weight

EXTENDED = {
    "soft reset": softened(conv_model(), 1, 4),
    "stochastic gate": gated(conv_model(), 1, 4),
    "skip connection": skipping(conv_model()),
    "graded sum": summed(conv_model(), 1),
}


ON_A_CHIP = {
    "soft reset": "resets softly",
    "stochastic gate": "stochastic gates",
    "skip connection": "skip connections",
    "graded sum": "graded sums",
}
"""What a chip refuses of each, by layer."""


@pytest.fixture(scope="module")
def image() -> bytes:
    return model_image(EXTENDED["soft reset"])


@pytest.mark.parametrize("extension", EXTENDED)
def test_an_extended_model_round_trips_and_names_its_extensions(extension: str, tmp_path: Path) -> None:
    model = EXTENDED[extension]
    read = read_model(write_model(model, tmp_path / "extended.net"))
    assert models_equal(read, model)
    assert read.extensions == (extension,)
    assert conv_model().extensions == ()


@pytest.mark.parametrize("extension", EXTENDED)
def test_the_stock_loader_fails_on_an_extended_file(extension: str, tmp_path: Path) -> None:
    pytest.importorskip("lava")
    from lavarobust.compat import activate

    activate()
    from lava.lib.dl.netx.hdf5 import Network

    path = write_model(EXTENDED[extension], tmp_path / "extended.net")
    with h5py.File(path) as file:
        assert sorted(file) == ["lavarobust"]
    with pytest.raises(KeyError):
        Network(net_config=str(path), input_shape=(7, 8, 2), reset_interval=8, reset_offset=1)


@pytest.mark.parametrize("extension", EXTENDED)
def test_check_names_the_extensions_and_who_runs_them(extension: str) -> None:
    model = EXTENDED[extension]
    (note,) = [finding for finding in check_model(model) if "extended" in finding.problem]
    assert note.severity == "note" and extension in note.problem
    assert "'simulator' or 'lava'" in note.remedy
    refused = [finding for finding in check_model(model, "loihi2") if ON_A_CHIP[extension] in finding.problem]
    assert refused and all(finding.severity == "error" for finding in refused)
    assert {finding.layer for finding in refused} <= {"1 conv", "2 conv", "4 dense", "6 dense"}
    assert stock_call(model) is None


def test_the_first_layers_of_an_extended_file(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "extended.net"
    path.write_bytes(image)
    assert models_equal(read_model(path, layers=3).layers, EXTENDED["soft reset"].layers[:3])


def test_layers_in_both_places_are_refused(image: bytes, tmp_path: Path) -> None:
    refuse(
        edited(image, tmp_path, lambda file: file.copy("lavarobust/layer", "layer")),
        "layer",
        "beside lavarobust/layer",
    )


@pytest.mark.parametrize(
    ("edit", "place", "problem"),
    [
        (lambda file: put(file, "lavarobust/layer/1/neuron/reset", b"sift"), "1/neuron/reset", "'sift'"),
        (lambda file: put(file, "lavarobust/layer/1/neuron/reset", 3), "1/neuron/reset", "data type"),
        (lambda file: put(file, "lavarobust/layer/1/neuron/noise", 3), "1/neuron/noise", "unknown"),
        (lambda file: put(file, "lavarobust/layer/1/later", 3), "1/later", "unknown"),
        (lambda file: put(file, "lavarobust/layer/3/weight", 3), "3/weight", "unknown"),
        (lambda file: put(file, "lavarobust/layer/1/delay", 3), "1/delay", "unknown"),
        (lambda file: put(file, "lavarobust/layer/1/neuron/refDelay", 3), "1", "refractory"),
        (lambda file: put(file, "lavarobust/layer/1/neuron/type", b"SDNN"), "1/neuron/type", "no extension"),
        (lambda file: put(file, "lavarobust/layer/1/type", b"skip"), "1/type", "unknown layer type"),
        (lambda file: file.move("lavarobust/layer/6", "lavarobust/layer/7"), "", "holds the layers"),
    ],
)
def test_what_an_extended_layer_says_is_run_or_refused(
    image: bytes, tmp_path: Path, edit: Edit, place: str, problem: str
) -> None:
    refuse(edited(image, tmp_path, edit), "/".join(["lavarobust/layer", *place.split()]), problem)


@pytest.mark.parametrize(
    ("key", "value", "place", "problem"),
    [
        ("1/gate/opening", [0, 65537], "1/gate/opening", "shape (2,)"),
        ("1/gate/opening", 65537, "1/gate/opening", "65537 is not in 0..65536"),
        ("1/gate/opening", -1, "1/gate/opening", "-1 is not in 0..65536"),
        ("1/gate/opening", 0.5, "1/gate/opening", "holds fractions"),
        ("1/gate/opening", 1 << 40, "1/gate/opening", "beyond 32-bit"),
        ("1/gate/seed", -1, "1/gate/seed", "is -1"),
        ("1/gate/stream", 0, "1/gate/stream", "is 0"),
        ("1/gate/probability", 1, "1/gate/probability", "unknown"),
        ("0/gate/opening", [1], "0/gate", "unknown"),
        ("5/gate/opening", [1, 1, 1, 1], "5/gate", "recurrent"),
    ],
)
def test_what_a_gate_says_is_run_or_refused(
    tmp_path: Path, key: str, value: object, place: str, problem: str
) -> None:
    def edit(file: h5py.File) -> None:
        layer = file["lavarobust/layer"][key.partition("/")[0]]
        if "gate" not in layer:
            layer["gate/seed"] = layer["gate/stream"] = 1
        everywhere = (
            isinstance(value, (int, float)) and key.endswith("opening") and "opening" in layer["gate"]
        )
        put(layer, key[2:], np.full(layer["gate/opening"].shape, value) if everywhere else value)

    refuse(
        edited(model_image(EXTENDED["stochastic gate"]), tmp_path, edit), f"lavarobust/layer/{place}", problem
    )


SKIP = "lavarobust/layer/2/shortcut"


@pytest.mark.parametrize(
    ("edit", "place", "problem"),
    [
        (
            lambda file: put(file, f"{SKIP}/0/source", 2),
            "layer/2/shortcut/0/source",
            "no population in front",
        ),
        (
            lambda file: put(file, f"{SKIP}/0/source", 0),
            "layer/2/shortcut/0/source",
            "no population in front",
        ),
        (
            lambda file: put(file, f"{SKIP}/0/source", -1),
            "layer/2/shortcut/0/source",
            "no population in front",
        ),
        (
            lambda file: put(file, f"{SKIP}/1/groups", 1),
            "layer/2/shortcut/1/weight",
            "makes nothing of layer 1's",
        ),
        (lambda file: put(file, f"{SKIP}/0/stride", [1, 1]), "layer/2/shortcut/0/weight", "makes (6, 6, 5)"),
        (
            lambda file: put(file, f"{SKIP}/0/padding", [128, 0]),
            "lavarobust/layer/2/shortcut/0/padding",
            "is not in 0..127",
        ),
        (
            lambda file: put(file, f"{SKIP}/0/weight", [[2.0]]),
            "lavarobust/layer/2/shortcut/0/weight",
            "4 axes",
        ),
        (lambda file: put(file, f"{SKIP}/0/delay", 3), "lavarobust/layer/2/shortcut/0/delay", "unknown"),
        (
            lambda file: put(file, f"{SKIP}/3/source", 1),
            "lavarobust/layer/2/shortcut",
            "holds the shortcuts 0, 1, 3",
        ),
        (lambda file: file[SKIP].clear(), "lavarobust/layer/2/shortcut", "holds the shortcuts (none)"),
        (lambda file: put(file, SKIP, 3), "lavarobust/layer/2/shortcut", "not a group"),
        (
            lambda file: put(file, "lavarobust/layer/6/shortcut/0/stride", 1),
            "lavarobust/layer/6/shortcut/0/stride",
            "unknown",
        ),
        (
            lambda file: put(file, "lavarobust/layer/6/shortcut/0/source", 3),
            "layer/6/shortcut/0/source",
            "no popul",
        ),
        (
            lambda file: put(file, "lavarobust/layer/4/shortcut/0/source", 1),
            "lavarobust/layer/4/shortcut/0/weight",
            "missing",
        ),
    ],
)
def test_a_shortcut_that_does_not_fit_is_refused(
    tmp_path: Path, edit: Edit, place: str, problem: str
) -> None:
    image = model_image(EXTENDED["skip connection"])
    refuse(edited(image, tmp_path, edit), place, problem)


def test_a_sum_has_no_bias_no_delays_and_is_not_read_out(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="layer/5/neuron: delays and recurrence in front of a sum"):
        model_image(summed(conv_model(), 5))
    with pytest.raises(ModelFileError, match="layer/6/neuron: the last layer has no neurons"):
        model_image(summed(conv_model(), 6))
    with pytest.raises(ModelFileError, match=r"layer/1/neuron/shift: 25 is not in 0\.\.24"):
        model_image(summed(conv_model(), 1, shift=25))
    model = summed(conv_model(), 1)
    layer = model.layers[1]
    biased = replace(layer, bias=np.zeros(4, dtype=np.int32))
    with pytest.raises(ModelFileError, match="layer/1/neuron: a sum has synapses and no bias"):
        model_image(replace(model, layers=(model.layers[0], biased, *model.layers[2:])))
    path = write_model(model, tmp_path / "sum.net")
    with pytest.raises(ModelFileError, match="the last layer has no neurons"):
        read_model(path, layers=2)


def test_delayed_layers_have_no_shortcuts() -> None:
    beside = Shortcut(2, even_weight((5, 90)))
    with pytest.raises(
        ModelFileError, match="layer/4/shortcut: shortcuts join layers of LIF neurons without"
    ):
        model_image(joined(conv_model(), 4, beside))


def test_a_sum_in_a_plain_file_is_refused(tmp_path: Path) -> None:
    entries = {**DENSE, "neuron/type": b"SUM", "neuron/shift": 3}
    refuse(layer_file(tmp_path, entries), "layer/0/neuron/type", "stock Lava has no graded sums")


def test_extensions_are_named_once() -> None:
    assert identity_block().extensions == ("skip connection", "graded sum")


def test_a_reset_in_a_plain_file_is_what_stock_lava_makes_of_it(tmp_path: Path) -> None:
    read = read_model(layer_file(tmp_path, {**DENSE, **LIF, "neuron/reset": b"soft"}))
    assert read.extensions == ()
    assert read.ignored == ((0, "'soft' reset (neuron/reset), which takes an extended file"),)
    assert read_model(layer_file(tmp_path, {**DENSE, **LIF, "neuron/reset": b"hard"})).ignored == ()


def test_an_unknown_reset_is_not_written(tmp_path: Path) -> None:
    model = conv_model()
    layer = model.layers[1]
    assert not isinstance(layer, (Flatten, Input))
    odd = replace(layer, neuron=replace(layer.neuron, reset="no"))  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match="layer/1/neuron/reset: unknown reset 'no'"):
        write_model(replace(model, layers=(model.layers[0], odd, *model.layers[2:])), tmp_path / "odd.net")
