"""One layer group of an extended file: the stock layout and this project's own keys, and nothing unknown."""

from __future__ import annotations

from dataclasses import replace

from lavarobust.errors import ModelFileError
from lavarobust.netx.hdf5 import Node
from lavarobust.netx.model import Conv, Dense, Flatten, Gate, GradedSum, Input, Layer, Neuron, Shortcut
from lavarobust.netx.read_layers import ignored_entries, read_any_layer, read_pair

_POPULATION = {"type", "shape", "weight", "bias", "neuron"}
_SYNAPTIC = _POPULATION | {"shortcut", "gate"}
_KERNEL = {"stride", "padding", "dilation", "groups"}
_DENSE = _SYNAPTIC | {"inFeatures", "outFeatures", "delay"}
_CONV = _SYNAPTIC | _KERNEL | {"inChannels", "outChannels", "kernelSize"}

LAYER_KEYS = {
    "input": _POPULATION,
    "flatten": {"type", "shape"},
    "dense": _DENSE,
    "dense_rec": _DENSE | {"weight_rec"},
    "conv": _CONV,
}
"""By layer type, what its group may hold."""

NEURON_KEYS = {"type", "iDecay", "vDecay", "vThMant", "refDelay", "gradedSpike", "reset"}
SUM_KEYS = {"type", "shift"}
SHORTCUTS_MAX = 1000

GATE_KEYS = {"opening", "seed", "stream"}


def read_extended_layer(node: Node) -> Layer:
    """The layer in one group ``lavarobust/layer/<i>``; its sizes are checked by ``validate_layer``.

    Raises:
        ModelFileError: as :func:`read_layer`; or an entry that this version doesn't know or would ignore.
    """
    layer = read_any_layer(node)
    _refuse_unknown(node, LAYER_KEYS[node.text("type")])
    if isinstance(layer, (Dense, Conv)) and node.has("shortcut"):
        layer = replace(layer, shortcuts=_shortcuts(node.child("shortcut"), isinstance(layer, Conv)))
    if not isinstance(layer, Flatten) and node.has("neuron"):
        layer = _with_reset(layer, node.child("neuron"))
    if isinstance(layer, (Dense, Conv)) and node.has("gate"):
        layer = replace(layer, gate=_gate(node.child("gate")))
    for entry in ignored_entries(node, layer):
        raise ModelFileError(
            node.where(), f"has a {entry}, which nothing here runs", "Export the layer without it"
        )
    return layer


def _with_reset(layer: Input | Dense | Conv, node: Node) -> Layer:
    if isinstance(layer.neuron, GradedSum):
        _refuse_unknown(node, SUM_KEYS)
        return layer
    if not isinstance(layer.neuron, Neuron):
        raise ModelFileError(
            node.where("type"), "sigma-delta neurons have no extension", "Export the network as plain NetX"
        )
    _refuse_unknown(node, NEURON_KEYS)
    if not node.has("reset"):
        return layer
    return replace(layer, neuron=replace(layer.neuron, reset=node.text("reset")))  # type: ignore[arg-type]


def _gate(node: Node) -> Gate:
    _refuse_unknown(node, GATE_KEYS)
    opening = node.truncated("opening")
    if (opening != node.numbers("opening")).any():
        raise ModelFileError(node.where("opening"), "holds fractions", "It must hold whole numbers")
    return Gate(opening, node.integer("seed"), node.integer("stream"))


def _shortcuts(group: Node, of_convolution: bool) -> tuple[Shortcut, ...]:
    keys = group.keys()
    if not keys or len(keys) > SHORTCUTS_MAX or set(keys) != {str(number) for number in range(len(keys))}:
        raise ModelFileError(
            group.where(),
            f"holds the shortcuts {', '.join(sorted(keys)[:8]) or '(none)'}",
            "Shortcuts must be numbered 0, 1, 2, ... without gap",
        )
    return tuple(_shortcut(group.child(str(number)), of_convolution) for number in range(len(keys)))


def _shortcut(node: Node, of_convolution: bool) -> Shortcut:
    _refuse_unknown(node, {"source", "weight"} | (_KERNEL if of_convolution else set()))
    source, weight = node.integer("source"), node.truncated("weight")
    if not of_convolution:
        return Shortcut(source, weight)
    stride, padding, dilation = (read_pair(node, key) for key in ("stride", "padding", "dilation"))
    return Shortcut(source, weight, stride, padding, dilation, node.integer("groups"))


def _refuse_unknown(node: Node, known: set[str]) -> None:
    for key in sorted(set(node.keys()) - known):
        raise ModelFileError(
            node.where(key),
            "is unknown to this version, which must not run an extended layer in part",
            "Use the version of lavarobust that wrote the file, or a newer one",
        )
