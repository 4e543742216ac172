"""What each model is: layers, sizes, encoding, recipe, data, file."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from lavarobust.netx import Conv, Dense, GradedSum, Input, Neuron, SigmaDelta
from lavarobust.netx.graph import synapses
from lavarobust.netx.model import AnyNeuron
from lavarobust.reporting.page.document import Plain, Section, Text, printable
from lavarobust.reporting.page.subject import Subject
from lavarobust.reporting.page.words import size
from lavarobust.reporting.tables import Table

_ENCODINGS = {
    "direct": "direct: pixels as integers, sent once",
    "repeat": "repeat: pixels as integers, sent at every step",
    "rate": "rate: random spikes",
    "signed_rate": "signed rate: random spikes, signed by the mean training image",
    "frames": "event frames, one for each step",
}
_READOUTS = {"membrane": "potential of the last layer at the end", "spike_count": "spikes of the last layer"}


def card_data(subject: Subject) -> Plain:
    """One model's card as plain data."""
    recipe, plan, model = subject.recipe, subject.plan, subject.model
    encoding = plan.encoding
    return {
        "name": subject.name,
        "file": subject.file.name,
        "bytes": subject.size,
        "sha256": subject.sha256,
        "steps": plan.steps,
        "encoding": {
            "kind": encoding.kind,
            "levels": encoding.levels,
            "mean": list(encoding.mean),
            "std": list(encoding.std),
        },
        "readout": plan.readout,
        "input_shape": list(model.input_shape),
        "data": None if recipe is None else recipe.data.name,
        "split": {
            part: subject.split["split"][part]["samples"]
            for part in ("train", "validation", "test")
            if part in subject.split.get("split", {})
        },
        "defence": None if recipe is None else recipe.defense.kind,
        "objective": None if recipe is None else recipe.training.objective.kind,
        "epochs": None if recipe is None else recipe.training.epochs,
        "seed": None if recipe is None else recipe.seed,
        "extensions": list(model.extensions),
        "layers": _layers(subject),
    }


def _layers(subject: Subject) -> list[dict[str, Any]]:
    layers = []
    for index, layer in subject.model.populations:
        parts = () if isinstance(layer, Input) else tuple(synapses(layer))
        weights = sum(int(one.weight.size) for one in parts)
        zeros = sum(int((one.weight == 0).sum()) for one in parts)
        layers.append(
            {
                "layer": printable(subject.model.layer_name(index)),
                "shape": list(layer.shape),
                "neurons": prod(layer.shape),
                "weights": weights,
                "zero_weights": zeros,
                "synapses": _synapses(layer),
                "neuron": _neuron(layer.neuron),
            }
        )
    return layers


def _synapses(layer: Input | Dense | Conv) -> str:
    if isinstance(layer, Input):
        return "none"
    if isinstance(layer, Conv):
        height, width = layer.weight.shape[2:]
        kind = f"convolution {height} x {width}, stride {layer.stride[0]}"
    else:
        kind = "dense" if layer.recurrent_weight is None else "dense, recurrent"
    more = ["gate" if layer.gate is not None else "", "shortcut" if layer.shortcuts else ""]
    return ", ".join([kind, *(part for part in more if part)])


def _neuron(neuron: AnyNeuron | None) -> str:
    if isinstance(neuron, GradedSum):
        return f"sends its sum, shifted by {neuron.shift}"
    if isinstance(neuron, SigmaDelta):
        return f"sigma-delta, threshold {neuron.threshold}"
    assert isinstance(neuron, Neuron)
    decays = (neuron.current_decay, neuron.voltage_decay)
    leak = "" if not isinstance(decays[1], int) or decays[1] == 0 else f", leak {decays[1]}/4096"
    return f"{neuron.reset} reset, threshold {neuron.threshold:,}{leak}"


def card_section(subjects: Sequence[Subject]) -> Section:
    """A column of facts per model, and a table of each one's layers."""
    cards = [card_data(subject) for subject in subjects]
    facts = [(name, *map(shown, cards)) for name, shown in _FACTS]
    table = Table("What it is", ("", *(card["name"] for card in cards)), tuple(facts), left=1 + len(cards))
    said = [
        Text(f"{subject.name}: {sentence}.", "note")
        for subject in subjects
        for sentence in subject.assumptions
    ]
    return Section("card", "Model card", (table, *said, *map(_layer_table, cards)), cards)


def _layer_table(card: Plain) -> Table:
    rows = [
        (
            layer["layer"],
            layer["synapses"],
            layer["neuron"],
            " x ".join(map(str, layer["shape"])),
            f"{layer['neurons']:,}",
            f"{layer['weights']:,}",
            f"{layer['zero_weights']:,}",
        )
        for layer in card["layers"]
    ]
    columns = ("layer", "synapses", "neuron", "shape", "neurons", "weights", "of them zero")
    return Table(f"Layers of {card['name']}", columns, tuple(rows), left=4)


def _split(card: Plain) -> str:
    counts = ", ".join(f"{count:,} {part}" for part, count in card["split"].items())
    return f"{card['data']} ({counts})" if counts else card["data"] or "the file does not say"


def _encoding(kind: str, levels: int, mean: Sequence[float], std: Sequence[float]) -> str:
    said = f"{_ENCODINGS[kind]}, {levels} levels"
    if not mean:
        return said
    means, stds = (", ".join(f"{value:.4g}" for value in values) for values in (mean, std))
    return f"{said} of (pixel - mean) / std, mean {means}, std {stds}"


def _recipe(card: Plain) -> str:
    if card["objective"] is None:
        return "the file does not say"
    images = (
        "clean images" if card["objective"] == "vanilla" else f"images of the objective {card['objective']}"
    )
    return f"on {images}, {card['epochs']} epochs, seed {card['seed']}"


_FACTS = (
    ("data", lambda card: printable(_split(card))),
    ("defence", lambda card: "unknown" if card["defence"] is None else card["defence"]),
    ("training", _recipe),
    ("input", lambda card: " x ".join(map(str, card["input_shape"]))),
    ("steps T", lambda card: str(card["steps"])),
    ("encoding", lambda card: _encoding(**card["encoding"])),
    ("read out", lambda card: _READOUTS[card["readout"]]),
    ("neurons", lambda card: f"{sum(layer['neurons'] for layer in card['layers']):,}"),
    ("weights", lambda card: f"{sum(layer['weights'] for layer in card['layers']):,}"),
    (
        "runs in",
        lambda card: (
            f"this project's simulator and Lava Processes ({', '.join(card['extensions'])})"
            if card["extensions"]
            else "stock lava-dl, this project's simulator"
        ),
    ),
    ("file", lambda card: f"{printable(card['file'])}, {size(card['bytes'])}"),
    ("SHA-256", lambda card: card["sha256"]),
)
