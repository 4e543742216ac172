from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.execution import backend
from lavarobust.experiment import plan as plan_module
from lavarobust.experiment.plan import STEPS_MAX, execute, plan_for
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import READOUT, Dense, Input, Model, Neuron, SigmaDelta

KNOWN = Deployment(5, Encoding("rate", 7, seed=3), "spike_count", (1, 1, 2))
NAMES = ("steps", "encoding", "levels", "readout")


def dense(neuron):
    return Dense(np.array([[2, -2]], dtype=np.int32), neuron)


def model(*layers, deployment=None):
    return Model(layers or (dense(Neuron(4096, 0, 1)),), (1, 1, 2), name="m", deployment=deployment)


def test_a_file_s_own_plan_needs_no_assumption_and_flags_come_first():
    own = plan_for(model(deployment=KNOWN))
    assert (own.steps, own.encoding, own.readout, own.assumptions) == (
        5, KNOWN.encoding, "spike_count", (),
    )  # fmt: skip
    asked = plan_for(model(deployment=KNOWN), steps=9, encoding="direct", levels=3, readout="membrane")
    assert asked.encoding == Encoding("direct", 3, seed=3)
    assert (asked.steps, asked.readout) == (9, "membrane")
    assert asked.as_deployment(model(deployment=KNOWN)) == replace(
        KNOWN, steps=9, encoding=asked.encoding, readout="membrane"
    )


@pytest.mark.parametrize("neuron", [Neuron(4096, 0, 1), Neuron(0, 0, 1), READOUT])
def test_what_is_assumed_follows_from_the_neurons(neuron):
    plan = plan_for(model(dense(neuron)))
    kind = "direct" if neuron.current_decay == 0 else "repeat"
    readout = "membrane" if neuron is READOUT else "spike_count"
    assert (plan.steps, plan.encoding, plan.readout) == (16, Encoding(kind, 255), readout)
    values = [*zip(NAMES, (16, kind, 255, readout), strict=True), ("mean", "0 --std 1")]
    assert plan.assumptions == tuple(
        f"assumed --{name} {value}: the file does not say" for name, value in values
    )
    assert plan.as_deployment(model(dense(neuron))).input_shape == (1, 1, 2)


@pytest.mark.parametrize("given", NAMES)
def test_a_value_that_is_given_is_not_assumed(given):
    values = {"steps": 3, "encoding": "rate", "levels": 9, "readout": "membrane"}
    plan = plan_for(model(), **{given: values[given]})
    said = [re.search(r"--(\w+)", sentence)[1] for sentence in plan.assumptions]
    # a rate code sends pixels as they are, and who says the levels knows the scale
    of_pixels = [] if given in ("encoding", "levels") else ["mean"]
    assert said == [name for name in NAMES if name != given] + of_pixels


def test_an_input_layer_s_transform_is_its_encoding():
    population = Input((1, 1, 2), Neuron(4096, 0, 1), weight=36, bias=-18)
    plan = plan_for(model(population, dense(Neuron(4096, 0, 1))))
    assert plan.encoding == Encoding("direct", 36, (0.5,), (1.0,))
    assert "assumed --levels 36: the file's input layer makes 36 * pixel - 18 of a pixel" in plan.assumptions
    for weight in (0, -3):
        with pytest.raises(SettingsError, match=f"multiplies a pixel by {weight}, and only positive"):
            plan_for(model(replace(population, weight=weight)))


def test_normalised_pixels_come_before_an_input_layer_s_transform():
    """36 (2 x - 1) - 18 = 72 x - 54: black is -54, white 18."""
    population = Input((1, 1, 2), Neuron(4096, 0, 1), weight=36, bias=-18)
    plan = plan_for(model(population, dense(Neuron(4096, 0, 1))), mean=(0.5,), std=(0.5,))
    assert not any("--mean" in sentence for sentence in plan.assumptions)
    pixels = np.array([[[[0.0, 1.0]]]], dtype=np.float32)
    assert encode(plan.encoding, pixels, 3, np.arange(1)).frames.ravel().tolist() == [-54, 18]


def test_normalised_pixels_of_other_files_are_scaled_to_levels():
    colour = Model((Dense(np.zeros((2, 3), dtype=np.int32), Neuron(4096, 0, 1)),), (3, 1, 1), name="m")
    asked = {"encoding": "repeat", "levels": 10, "std": (0.5,)}
    assert plan_for(colour, mean=(0.1,), **asked).encoding == Encoding("repeat", 10, (0.1,) * 3, (0.5,) * 3)
    each = plan_for(colour, mean=(0.1, 0.2, 0.3), **asked).encoding
    assert each == Encoding("repeat", 10, (0.1, 0.2, 0.3), (0.5,) * 3)
    known = replace(KNOWN, encoding=Encoding("direct", 7, (0.4,), (2.0,)))
    assert plan_for(model(deployment=known), mean=(0.0,), std=(1.0,)).encoding.mean == (0.0,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"mean": (0.5,)}, "--mean and --std go together"),
        ({"std": (0.5,)}, "--mean and --std go together"),
        (
            {"mean": (0.1, 0.2), "std": (1.0,)},
            "hold 2 and 1 numbers, and m takes images of 1 channel. Give one",
        ),
        ({"mean": (0.5,), "std": (0.0,)}, "--std above 0"),
        ({"mean": (float("nan"),), "std": (1.0,)}, "finite"),
        ({"mean": (0.5,), "std": (0.5,), "encoding": "rate"}, "the encoding rate sends pixels as they are"),
        ({"steps": 0}, "--steps 0"),
        ({"steps": STEPS_MAX + 1}, "at most 65536 steps"),
        ({"levels": 0}, "--levels 0"),
        ({"encoding": "x"}, "--encoding x: choose one of direct, repeat, rate"),
        ({"readout": "x"}, "--readout x: choose membrane or spike_count"),
    ],
)
def test_impossible_values_name_their_flag(arguments, words):
    with pytest.raises(SettingsError, match=words):
        plan_for(model(), **arguments)


def test_a_file_may_not_ask_for_an_endless_window():
    with pytest.raises(SettingsError, match="at most 65536 steps"):
        plan_for(model(deployment=replace(KNOWN, steps=10**12)))


def test_execution_by_hand():
    """Weights 2 and -2 on pixels 1 and 0 sent at each of 3 steps: 2 << 6 > 1 << 6, a spike each."""
    images = np.array([[[[1.0, 0.0]]], [[[0.0, 1.0]]]], dtype=np.float32)
    plan = plan_for(model(), steps=3, encoding="repeat", levels=1, readout="spike_count")
    record = execute(backend("simulator"), model(), plan, images, np.arange(2), keep=[0])
    assert record.output_counts.tolist() == [[3], [0]]
    assert record.rasters[0].tolist() == [[[1, 1, 1]], [[0, 0, 0]]]
    with pytest.raises(SettingsError, match=r"m: images of shape \(1, 1, 3\) do not fit"):
        execute(backend("simulator"), model(), plan, np.zeros((1, 1, 1, 3), np.float32), np.arange(1))


def test_a_signed_encoder_needs_the_file_s_mean_image():
    with pytest.raises(SettingsError, match=r"--encoding signed_rate: m holds no mean image. Train"):
        plan_for(model(deployment=KNOWN), encoding="signed_rate")


@pytest.mark.parametrize("encoding", ["rate", "repeat", "direct"])
def test_images_are_encoded_some_at_a_time(encoding, monkeypatch):
    images = np.random.default_rng(0).random((7, 1, 1, 2)).astype(np.float32)
    plan = plan_for(model(), steps=3, encoding=encoding, levels=9, readout="membrane")
    whole = execute(backend("simulator"), model(), plan, images, np.arange(7), keep=[0])
    sizes = []

    class Watched:
        def run(self, given, stimulus, *rest):
            sizes.append(stimulus.samples)
            return backend("simulator").run(given, stimulus, *rest)

    monkeypatch.setattr(plan_module, "_FEWEST_TOGETHER", 3)
    monkeypatch.setattr(plan_module, "_FRAME_BYTES", 0)
    parts = execute(Watched(), model(), plan, images, np.arange(7), keep=[0])
    assert sizes == [3, 3, 1]
    for name in ("prediction", "tied", "output_counts", "potential"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    np.testing.assert_array_equal(parts.rasters[0], whole.rasters[0])


def test_sigma_delta_neurons_are_sent_their_frame_in_every_step():
    """A frame that is no longer sent would be a change as well."""
    encoder = Input((1, 1, 2), SigmaDelta(0), weight=32, bias=-8)
    own = plan_for(model(encoder, dense(SigmaDelta(0, sends_sum=True))))
    assert own.encoding == Encoding("repeat", 32, (0.25,), (1.0,))
    assert own.readout == "membrane"
    assert plan_for(model(dense(SigmaDelta(3)))).encoding.kind == "repeat"
