"""Each thing that no chip runs, by layer and with its remedy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from extended_models import gated, identity_block, skipping, softened

from lavarobust.netx import READOUT, Dense, Encoding, Input, Model, SigmaDelta, check_model
from lavarobust.netx.chip import binary_input, chip_refusals, window_of
from netx_models import LIF, conv_model, even_weight


def feed_forward() -> Model:
    """Three dense layers with biases."""
    layers = (Dense(even_weight((4, 3)), LIF, np.ones(4, dtype=np.int32)), Dense(even_weight((2, 4), 1), LIF))
    return Model((*layers, Dense(even_weight((3, 2), 2), READOUT)), (3,), conv_model().deployment)


@pytest.mark.parametrize("steps, window", [(1, 1), (2, 2), (3, 4), (8, 8), (9, 16)])
def test_the_window_is_a_power_of_two(steps: int, window: int) -> None:
    assert window_of(steps) == window


def test_stock_layers_are_not_refused() -> None:
    assert chip_refusals(feed_forward()) == ()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (softened(feed_forward(), 1), [("1 dense", "resets softly", "network.neuron.reset=hard")]),
        (gated(feed_forward(), 0), [("0 dense", "stochastic gates", "export.gates=thinned or masked")]),
        (
            identity_block(),
            [
                ("2 conv", "graded sums", "without such blocks"),
                ("2 conv", "skip connections", "without skips"),
            ],
        ),
        (
            Model((Input((2,), SigmaDelta(1)), Dense(even_weight((2, 2)), SigmaDelta(1))), (2,)),
            [
                ("0 input", "kind 'SDNN'", "'simulator' or 'lava'"),
                ("0 input", "images as biases", "dense or conv layer"),
                ("1 dense", "kind 'SDNN'", "'simulator' or 'lava'"),
            ],
        ),
        (conv_model(), [("model", "recurrent or delayed synapses and biases", "no-norm")]),
    ],
)
def test_what_is_refused(model: Model, expected: list[tuple[str, str, str]]) -> None:
    found = chip_refusals(model)
    assert len(found) == len(expected)
    for finding, (layer, problem, remedy) in zip(found, expected, strict=True):
        assert (finding.layer, finding.severity) == (layer, "error")
        assert problem in finding.problem and remedy in finding.remedy
    for target in ("loihi1", "loihi2"):
        assert set(found) <= set(check_model(model, target))  # type: ignore[arg-type]


def test_each_layer_with_a_skip_is_named() -> None:
    skips = [finding for finding in chip_refusals(skipping(conv_model())) if "skip" in finding.problem]
    assert [finding.layer for finding in skips] == ["2 conv", "6 dense"]


def test_binary_spikes_carry_no_payload() -> None:
    assert not list(binary_input(Encoding("rate")))
    (finding,) = binary_input(Encoding("direct", levels=16))
    assert "payloads of 5 bits" in finding.problem and "rate" in finding.remedy
    model = feed_forward()
    assert any("payloads" in finding.problem for finding in check_model(model, "loihi1"))
    assert not any("payloads" in finding.problem for finding in check_model(model, "loihi2"))
    assert model.deployment is not None
    spikes = replace(model, deployment=replace(model.deployment, encoding=Encoding("rate")))
    errors = [finding for finding in check_model(spikes, "loihi1") if finding.severity == "error"]
    assert errors == []


def test_nothing_takes_a_file_to_loihi_1() -> None:
    found = check_model(feed_forward(), "loihi1")
    assert any("no public program" in finding.problem and finding.severity == "note" for finding in found)
