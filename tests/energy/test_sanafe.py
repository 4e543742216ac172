"""Models on SANA-FE: the files by hand, what is refused, and SANA-FE's spikes against the simulator's."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from extended_models import gated, identity_block, softened

from lavarobust.energy import load_profile
from lavarobust.energy.sanafe import (
    ARCHITECTURE_FILE,
    NETWORK_FILE,
    SanafeExport,
    export_sanafe,
    run_sanafe,
    write_sanafe,
)
from lavarobust.energy.sanafe_architecture import FABRICS, architecture, tile_rows
from lavarobust.errors import BackendError, SettingsError
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Input, Model, Neuron, SigmaDelta
from lavarobust.optional import MissingPackageError
from lavarobust.record import Record, Stimulus
from netx_models import even_weight

PROFILE = load_profile("loihi_sanafe")


@pytest.fixture
def sanafe() -> None:
    pytest.importorskip("sanafe", reason="runs SANA-FE: pip install 'lavarobust[sanafe]' (GPL)")


def spikes(rng: np.random.Generator, shape: tuple[int, ...], steps: int, low: int = 0) -> Stimulus:
    return Stimulus(rng.integers(low, 2, (1, *shape, steps)).astype(np.int32), steps)


def by_hand() -> tuple[Model, Stimulus]:
    """Two inputs, two neurons with a bias on one, one output."""
    layers = (
        Dense(np.array([[4, -2], [0, 6]]), Neuron(4096, 128, 5), np.array([3, 0], dtype=np.int32)),
        Dense(np.array([[2, 2]]), READOUT),
    )
    return Model(layers, (2,), name="by hand"), Stimulus(
        np.array([[[1, 0, 1], [0, 1, 0]]], dtype=np.int32), 3
    )


def test_the_network_file_by_hand(tmp_path: Path) -> None:
    model, stimulus = by_hand()
    export = export_sanafe(model, stimulus, PROFILE)
    paths = write_sanafe(export, tmp_path / "out")
    assert [path.name for path in paths] == [ARCHITECTURE_FILE, NETWORK_FILE]
    content = yaml.safe_load(paths[1].read_text())
    groups = {group["name"]: group for group in content["network"]["groups"]}
    assert list(groups) == ["input", "layer0", "bias0", "layer1"]
    assert groups["input"]["neurons"] == [
        {0: {"soma": {"spikes": [1, 0, 1]}}}, {1: {"soma": {"spikes": [0, 1, 0]}}}
    ]  # fmt: skip
    assert groups["layer0"]["attributes"]["soma"] == {"threshold": 5, "reset_mode": "hard"}
    assert groups["layer0"]["neurons"][0] == {"0..0": {"soma": {"input_decay": 0.0, "leak_decay": 0.96875}}}
    assert groups["bias0"]["neurons"] == [{0: {"soma": {"spikes": [1, 1, 1]}}}]
    edges = {key: value for edge in content["network"]["edges"] for key, value in edge.items()}
    assert edges["input -> layer0"]["source_target_pairs"] == [[0, 0], [1, 0], [1, 1]]
    assert edges["input -> layer0"]["weight"] == [4, -2, 6]
    assert edges["bias0 -> layer0"] == {"type": "sparse", "source_target_pairs": [[0, 0]], "weight": [3]}
    mappings = {key: value for mapping in content["mappings"] for key, value in mapping.items()}
    # a core for the input, one for each layer; the bias on its layer's
    assert {name: at["core"] for name, at in mappings.items()} == {
        "input.0": 0.0, "input.1": 0.0, "layer0.0..1": 0.1, "bias0.0": 0.1, "layer1.0..0": 0.2
    }  # fmt: skip
    assert (export.steps, export.window, export.cores, export.bias_operations) == (5, 3, 3, 3)
    assert export == export_sanafe(model, stimulus, PROFILE)


def test_the_architecture_file_holds_the_tables_prices() -> None:
    tile = yaml.safe_load(architecture(PROFILE, 3, 4, 600))["architecture"]
    assert (tile["attributes"]["width"], tile["attributes"]["height"]) == (8, 4)
    assert tile["tile"][0]["name"] == "tile[0..31]"
    (core,) = tile["tile"][0]["core"]
    assert core["attributes"]["max_neurons_supported"] == 600
    dense, conv = (float(unit["attributes"]["energy_process_spike"]) for unit in core["synapse"])
    assert (dense, conv) == (pytest.approx(35.5e-12), pytest.approx(24e-12))
    lif, source = (unit["attributes"] for unit in core["soma"])
    assert float(lif["energy_access_neuron"]) == pytest.approx(51.2e-12)
    assert float(lif["energy_update_neuron"]) == pytest.approx(21.6e-12)
    assert float(lif["energy_spike_out"]) == pytest.approx(69.3e-12)
    assert all(float(cost) == 0 for name, cost in source.items() if name != "model")
    assert (tile_rows(128), tile_rows(129), tile_rows(1000)) == (4, 5, 32)
    davies = yaml.safe_load(architecture(load_profile("loihi1_davies2018"), 3, 4, 600))
    synapse = davies["architecture"]["tile"][0]["core"][0]["synapse"][0]["attributes"]
    assert float(synapse["energy_process_spike"]) == pytest.approx(23.6e-12)
    with pytest.raises(SettingsError, match=f"no times of a mesh.*{', '.join(FABRICS)}"):
        architecture(load_profile("horowitz_45nm_fp32"), 3, 4, 600)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda model: gated(model, 0), "0 dense: stochastic gates draw"),
        (lambda model: identity_block(), "2 conv: sigma-delta neurons and graded sums send values"),
        (
            lambda model: replace(
                model, layers=tuple(replace(layer, neuron=SigmaDelta(1)) for layer in model.layers)
            ),
            "0 dense: sigma-delta",
        ),
        (
            lambda model: replace(
                model,
                layers=(replace(model.layers[0], delay=np.array([0, 1], dtype=np.int32)), model.layers[1]),
            ),
            "0 dense: synapses with delays wait",
        ),
    ],
)
def test_what_it_cannot_express_is_refused_by_layer(change, message) -> None:  # type: ignore[no-untyped-def]
    model, stimulus = by_hand()
    with pytest.raises(BackendError, match=message):
        export_sanafe(change(model), stimulus, PROFILE)


def test_payloads_that_change_are_refused() -> None:
    model, stimulus = by_hand()
    changing = Stimulus(stimulus.frames * np.array([1, 2, 3], dtype=np.int32), 3)
    with pytest.raises(BackendError, match="payloads that change from step to step"):
        export_sanafe(model, changing, PROFILE)


def test_without_the_package_it_says_what_to_install(monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setitem(sys.modules, "sanafe", None)
    with pytest.raises(MissingPackageError, match=r"sanafe: .*pip install 'lavarobust\[sanafe\]'"):
        run_sanafe(export_sanafe(*by_hand(), PROFILE), tmp_path)


def lif(rng: np.random.Generator, held: bool = False) -> Neuron:
    decay = rng.integers(0, 1200, 4).astype(np.int32) if rng.random() < 0.3 else int(rng.integers(0, 1200))
    return Neuron(0 if held else 4096, decay, int(rng.integers(60, 400)))


def random_model(rng: np.random.Generator, held: bool = False) -> Model:
    """A convolution of 4 channels, a recurrent and a plain dense layer of 4 neurons, each with biases."""

    def bias() -> np.ndarray:
        return rng.integers(-90, 90, 4).astype(np.int32)

    def seed() -> int:
        return int(rng.integers(2**31))

    layers = (
        Input((2, 5, 4)),
        Conv(
            even_weight((4, 2, 3, 3), seed()),
            lif(rng, held),
            (4, 3, 2),
            bias(),
            stride=(2, 2),
            padding=(1, 1),
        ),
        Flatten(),
        Dense(even_weight((4, 24), seed()), lif(rng), bias()),
        Dense(even_weight((4, 4), seed()), lif(rng), bias(), recurrent_weight=even_weight((4, 4), seed())),
        Dense(even_weight((4, 4), seed()), lif(rng), bias()),
    )
    return Model(layers, (2, 5, 4), name="random")


def run_both(model: Model, stimulus: Stimulus, folder: Path) -> tuple[Record, SanafeExport, object]:
    from lavarobust.execution import backend

    record = backend("simulator").run(model, stimulus)
    export = export_sanafe(model, stimulus, PROFILE)
    write_sanafe(export, folder)
    return record, export, run_sanafe(export, folder)


@pytest.mark.usefixtures("sanafe")
@pytest.mark.parametrize("seed", range(6))
def test_spikes_and_operations_are_the_simulators(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    model = random_model(rng)
    # -1, 0 and 1: negative spikes arrive through a group of their own
    stimulus = spikes(rng, (2, 5, 4), 7, low=-(seed % 2))
    record, export, run = run_both(model, stimulus, tmp_path)
    assert list(run.spikes.values()) == [int(layer.spikes.sum()) for layer in record.layers]
    assert sum(run.spikes.values()) > 0 and not any(layer.wraps.any() for layer in record.layers)
    operations = sum(int(layer.synops.sum()) for layer in record.layers)
    assert run.synaptic_operations >= operations + export.bias_operations
    assert run.energy_pj["total"] > 0 and run.latency_s > 0 and run.steps == 7 + 4


@pytest.mark.usefixtures("sanafe")
@pytest.mark.parametrize("kind", ["soft reset", "held image", "input population"])
def test_other_ways_into_and_out_of_neurons(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    model, stimulus = random_model(rng, held=kind == "held image"), spikes(rng, (2, 5, 4), 6)
    if kind == "soft reset":
        model = softened(replace(model, layers=(*model.layers[:4], model.layers[5])))
    if kind == "held image":
        stimulus = Stimulus(rng.integers(-9, 17, (1, 2, 5, 4, 1)).astype(np.int32), 6)
    if kind == "input population":
        layers = (Input((4,), Neuron(4096, 30, 500)), Dense(even_weight((3, 4)), Neuron(4096, 0, 300)))
        model = Model(layers, (4,))
        stimulus = Stimulus(np.array([[[300], [-20], [120], [700]]], dtype=np.int32), 6)
    record, _, run = run_both(model, stimulus, tmp_path)
    assert list(run.spikes.values()) == [int(layer.spikes.sum()) for layer in record.layers]
    assert sum(run.spikes.values()) > 0


@pytest.mark.usefixtures("sanafe")
def test_a_layer_on_several_cores_sends_messages_to_each(tmp_path: Path) -> None:
    weight = np.full((1500, 4), 2, dtype=np.int32)
    layers = (Dense(weight, Neuron(4096, 0, 3)), Dense(np.full((2, 1500), 2, dtype=np.int32), READOUT))
    stimulus = Stimulus(np.ones((1, 4, 1), dtype=np.int32), 1)
    record, export, run = run_both(Model(layers, (4,)), stimulus, tmp_path)
    assert export.cores == 1 + 2 + 1
    assert run.spikes == {"layer0": 1500, "layer1": 0}
    # four inputs to each of two cores, 1500 spikes to one
    assert run.messages == 4 * 2 + 1500
    assert (
        run.synaptic_operations
        == 4 * 1500 + 1500 * 2
        == int(sum(layer.synops.sum() for layer in record.layers))
    )
