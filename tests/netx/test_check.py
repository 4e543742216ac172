"""Findings by severity and target, and the stock call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lavarobust.netx import (
    READOUT,
    UNSPECIFIED,
    Conv,
    Dense,
    Finding,
    Input,
    LayerOverflow,
    Model,
    Neuron,
    check_model,
    read_model,
    stock_call,
    write_model,
)
from netx_models import LIF, conv_model


def plain(*layers: object, shape: tuple[int, ...] = (2,), **more: object) -> Model:
    return replace(conv_model(), layers=layers, input_shape=shape, **more)  # type: ignore[arg-type]


def dense(weight: object = ((2, -4),), neuron: Neuron = READOUT, **more: object) -> Dense:
    return Dense(np.array(weight, dtype=np.int32), neuron, **more)  # type: ignore[arg-type]


def found(model: Model, target: str = "lava") -> dict[str, Finding]:
    """Findings by a piece of their text, the class names of the made-up record aside."""
    findings = check_model(model, target)  # type: ignore[arg-type]
    assert all(finding.problem and finding.remedy for finding in findings)
    return {
        f"{finding.layer}: {finding.problem}": finding
        for finding in findings
        if "class names" not in finding.problem
    }


def one(model: Model, piece: str, target: str = "lava") -> Finding:
    matching = [finding for text, finding in found(model, target).items() if piece in text]
    assert len(matching) == 1, found(model, target)
    return matching[0]


def test_a_sound_model_has_only_notes() -> None:
    assert {finding.severity for finding in found(conv_model()).values()} == {"note"}
    assert {finding.severity for finding in found(plain(dense()), "loihi2").values()} == {"note"}


@pytest.mark.parametrize(
    ("layer", "piece"),
    [
        (dense([[0, 0]]), "every weight is zero"),
        (dense([[300, -2]]), "changes 1 of 2 weights"),
        (dense([[256, 2]]), "changes 2 of 2 weights"),
        (dense(bias=np.array([40000], dtype=np.int32)), "40000..40000 wrap"),
    ],
)
def test_what_executes_other_integers_is_an_error(layer: Dense, piece: str) -> None:
    assert one(plain(layer), piece).severity == "error"


@pytest.mark.parametrize(
    ("layer", "piece"),
    [
        (dense(bias=np.array([4096], dtype=np.int32)), "13 bits"),
        (dense(bias=np.array([-4097], dtype=np.int32)), "13 bits"),
        (dense(neuron=Neuron(4096, 0, 262143)), "17 bits"),
        (Conv(np.array([[[[255, -2]]]], dtype=np.int32), READOUT, (1, 1, 1)), "more than 8 bits"),
    ],
)
def test_what_a_chip_cannot_hold_is_a_warning_on_lava_and_an_error_on_a_chip(
    layer: Dense | Conv, piece: str
) -> None:
    model = plain(layer, shape=(2,) if isinstance(layer, Dense) else (1, 1, 2))
    assert one(model, piece).severity == "warning"
    assert one(model, piece, "loihi1").severity == one(model, piece, "loihi2").severity == "error"


@pytest.mark.parametrize("weight", [(254, -254), (127, -128), (255, 1), (-255, 0), (254, -256), (510, 2)])
def test_convolutions_that_fit_eight_bits(weight: tuple[int, int]) -> None:
    layer = Conv(np.array([[[weight]]], dtype=np.int32), READOUT, (1, 1, 1))
    assert not any("8 bits" in text for text in found(plain(layer, shape=(1, 1, 2))))


def test_the_limits_themselves_are_fine() -> None:
    layer = dense(bias=np.array([4095], dtype=np.int32), neuron=Neuron(4096, 0, 131071))
    texts = " ".join(found(plain(layer), "loihi2"))
    assert "bits" not in texts


def test_notes_and_warnings_of_layers() -> None:
    assert one(plain(dense(neuron=UNSPECIFIED)), "no neuron group").severity == "note"
    late = plain(dense(delay=np.array([63], dtype=np.int32)))
    assert one(late, "cut to 62").severity == "warning"
    assert one(late, "beyond a sample's last step").severity == "note"
    recurrent = plain(dense([[2]], recurrent_weight=np.array([[2]], dtype=np.int32)), shape=(1,))
    assert one(recurrent, "beyond a sample's last step").severity == "note"
    assert one(plain(Input((2,), LIF), dense()), "driven by their bias").layer == "0 input"
    ignored = plain(dense(), ignored=((0, "delay of a convolution"),))
    assert one(ignored, "delay of a convolution, which stock Lava ignores").severity == "warning"


def test_the_deployment() -> None:
    model = conv_model()
    assert model.deployment is not None
    assert one(conv_model(deployment=False), "doesn't say how to run").severity == "warning"
    names = replace(model, deployment=replace(model.deployment, class_names=("a",)))
    assert any(finding.problem == "1 class names for 3 outputs" for finding in check_model(names))
    assert one(plain(dense(neuron=LIF)), "membrane is read out").severity == "warning"
    twelve = replace(model, deployment=replace(model.deployment, steps=12))
    power = one(twelve, "no power of two", "loihi2")
    assert "window of 16" in power.problem and "4 carry no input" in power.problem
    assert "(33% more steps)" in power.problem and power.remedy.endswith("or with 8")
    assert not any("power of two" in text for text in found(twelve))
    assert not any("power of two" in text for text in found(model, "loihi2"))
    statement = LayerOverflow("1 conv", "happens", "not seen", 1, 1, 1, 1)
    overflowing = replace(model, deployment=replace(model.deployment, overflow=(statement,)))
    assert one(overflowing, "the current leaves 24 bits").severity == "warning"
    assert one(overflowing, "the potential could leave").severity == "note"


def test_the_stock_call(tmp_path: Path) -> None:
    path = write_model(conv_model(), tmp_path / "model.net")
    assert stock_call(read_model(path)) == (
        f"netx.hdf5.Network(net_config='{path}', input_message_bits=6, input_shape=(7, 8, 2), "
        "reset_interval=8, reset_offset=1)"
    )
    assert "reset_interval=STEPS" in stock_call(conv_model(deployment=False))
    assert "input_message_bits=INPUT_MESSAGE_BITS" in stock_call(conv_model(deployment=False))
