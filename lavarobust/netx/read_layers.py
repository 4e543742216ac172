"""One layer group of a NetX file as a layer of the model, read as the stock loader reads it."""

from __future__ import annotations

from math import prod

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.hdf5 import Node
from lavarobust.netx.model import (
    UNSPECIFIED,
    AnyNeuron,
    Conv,
    Dense,
    Flatten,
    GradedSum,
    Input,
    Layer,
    Neuron,
    Shape,
    SigmaDelta,
)
from lavarobust.netx.validate import NEURON_KINDS, SIGMA_DELTA_KIND, validate_shape
from lavarobust.netx.validate_extended import SUM_KIND

NOT_RUN = {
    "average": "Read fewer layers (layers=n, as lava-dl's num_layers) or export without it",
    "pool": "Replace it by a convolution with stride, or export the composed convolution",
    "convT": "Replace it by a convolution",
    "unpool": "Remove it",
    "concat": "Export a network without concatenation",
    "dense_comp": "Export a network with real weights",
}
"""Layer types that NetX names and stock Lava doesn't run, each with a remedy."""


def read_layer(node: Node) -> Layer:
    """The layer in one group ``layer/<i>``; its sizes are checked by ``validate_layer``.

    Raises:
        ModelFileError: an entry is missing or malformed, or the kind of layer is not supported.
    """
    layer = read_any_layer(node)
    if not isinstance(layer, Flatten) and isinstance(layer.neuron, GradedSum):
        raise ModelFileError(
            node.where("neuron/type"),
            "stock Lava has no graded sums",
            "Export it as an extended file",
        )
    return layer


def read_any_layer(node: Node) -> Layer:
    """As :func:`read_layer`, of an extended file too; what such a file adds to a layer is not read."""
    kind = node.text("type")
    if kind == "input":
        return _input(node)
    if kind == "flatten":
        return Flatten()
    if kind in ("dense", "dense_rec"):
        return _dense(node, recurrent=kind == "dense_rec")
    if kind == "conv":
        return _conv(node)
    if kind in NOT_RUN:
        raise ModelFileError(node.where("type"), f"stock Lava doesn't run {kind!r} layers", NOT_RUN[kind])
    raise ModelFileError(
        node.where("type"),
        f"unknown layer type {kind!r:.80}, which the stock loader would silently skip",
        "Use input, flatten, dense, dense_rec or conv",
    )


def ignored_entries(node: Node, layer: Layer) -> tuple[str, ...]:
    """What the file says about this layer and the stock loader silently ignores."""
    ignored = []
    if isinstance(layer, Conv) and node.has("delay") and node.truncated("delay").any():
        ignored.append("delay of a convolution")
    if isinstance(layer, Flatten) or not node.has("neuron"):
        return tuple(ignored)
    neuron = node.child("neuron")
    if neuron.has("activation") and neuron.text("activation") != "relu":
        ignored.append(f"activation {neuron.text('activation')!r:.80} (neuron/activation)")
    if (
        neuron.has("reset")
        and isinstance(layer.neuron, Neuron)
        and neuron.text("reset") != layer.neuron.reset
    ):
        ignored.append(f"{neuron.text('reset')!r:.80} reset (neuron/reset), which takes an extended file")
    if neuron.has("refDelay") and neuron.numbers("refDelay").max() > 1:
        ignored.append("refractory period (neuron/refDelay)")
    if neuron.has("gradedSpike") and neuron.numbers("gradedSpike").any():
        ignored.append("graded spikes (neuron/gradedSpike)")
    if neuron.has("weight_exp") and neuron.numbers("weight_exp").any():
        ignored.append("weight exponent of the normalisation (neuron/weight_exp)")
    return tuple(ignored)


def _shape(node: Node) -> Shape:
    shape = node.integers("shape")
    validate_shape(shape, node.where("shape"))
    return shape


def _neuron(node: Node, channels: int, encodes: bool = False) -> AnyNeuron:
    kind = node.text("type")
    if kind == SUM_KIND:
        return GradedSum(node.integer("shift"))
    if kind not in (*NEURON_KINDS, SIGMA_DELTA_KIND):
        remedy = "Export with CUBA (LIF) or SDNN (sigma-delta) neurons"
        problem = f"unknown neuron type {kind!r:.80}"
        if "RF" in kind:
            problem = f"resonate-and-fire neurons ({kind:.80}) are not supported"
        raise ModelFileError(node.where("type"), problem, remedy)
    if node.has("messageBits"):
        raise ModelFileError(
            node.where("messageBits"),
            "stock Lava fails on this entry",
            "Remove it: LIF spikes carry no payload, and Lava takes that of sigma-delta neurons as it is",
        )
    if kind == SIGMA_DELTA_KIND:
        sends_sum = node.has("sigma_output") and not encodes  # its value is never asked for
        unused = sends_sum and not node.has("vThMant")
        return SigmaDelta(0 if unused else node.integer("vThMant"), sends_sum)
    return Neuron(
        current_decay=_decay(node, "iDecay", channels),
        voltage_decay=_decay(node, "vDecay", channels),
        threshold=node.integer("vThMant"),
        kind=kind,
    )


def _decay(node: Node, key: str, channels: int) -> int | np.ndarray:
    values = node.integers(key)
    if len(values) == 1:
        return values[0]
    if len(values) != channels or min(values) < 0 or max(values) > 1 << 12:
        raise ModelFileError(
            node.where(key),
            f"{len(values)} decays of {min(values)}..{max(values)} for {channels} channels",
            "Give one decay, or one per channel, of 0..4096",
        )
    return np.array(values, dtype=np.int32)


def _input(node: Node) -> Input:
    shape = _shape(node)
    return Input(
        shape=shape,
        neuron=_neuron(node.child("neuron"), shape[0], encodes=True) if node.has("neuron") else None,
        weight=_one(node, "weight", 64),
        bias=_one(node, "bias", 0),
    )


def _one(node: Node, key: str, default: int) -> int:
    """One truncated number of an input layer's transform."""
    if not node.has(key):
        return default
    values = node.truncated(key)
    if values.size != 1:
        raise ModelFileError(
            node.where(key), f"holds {values.size} numbers", "The stock loader takes one for the whole input"
        )
    return int(values.ravel()[0])


def _dense(node: Node, recurrent: bool) -> Dense:
    if node.is_group("weight"):
        raise ModelFileError(
            node.where("weight"), "complex weights are not supported", "Export a network with real weights"
        )
    outputs = prod(_shape(node))
    weight = _matrix(node, "weight", outputs)
    bias = node.truncated("bias") if node.has("bias") else None
    if bias is not None and bias.size == 1:
        bias = np.full(outputs, bias.ravel()[0], dtype=np.int32)
    delay = node.truncated("delay") if node.has("delay") else None
    if delay is not None and delay.ndim == 0:
        delay = np.full(outputs, delay, dtype=np.int32)
    return Dense(
        weight=weight,
        neuron=_neuron(node.child("neuron"), outputs) if node.has("neuron") else UNSPECIFIED,
        bias=bias,
        delay=delay,
        recurrent_weight=_matrix(node, "weight_rec", outputs) if recurrent else None,
    )


def _matrix(node: Node, key: str, outputs: int) -> np.ndarray:
    """A ``(outputs, inputs)`` weight; one-dimensional ones are reshaped as the stock loader does."""
    weight = node.truncated(key)
    if weight.ndim == 1 and weight.size % outputs == 0:
        weight = weight.reshape(outputs, -1)
    if weight.ndim != 2 or weight.shape[0] != outputs:
        raise ModelFileError(
            node.where(key),
            f"shape {weight.shape} for {outputs} neurons",
            "A dense weight is (out, in), and the layer's shape counts its outputs",
        )
    return weight


def _conv(node: Node) -> Conv:
    shape = _shape(node)
    if len(shape) != 3:
        raise ModelFileError(node.where("shape"), f"a convolution of shape {shape}", "It must be (C, H, W)")
    weight = node.truncated("weight")
    if weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    return Conv(
        weight=weight,
        neuron=_neuron(node.child("neuron"), shape[0]),
        shape=shape,
        bias=node.truncated("bias") if node.has("bias") else None,
        stride=read_pair(node, "stride"),
        padding=read_pair(node, "padding"),
        dilation=read_pair(node, "dilation"),
        groups=node.integer("groups"),
    )


def read_pair(node: Node, key: str) -> tuple[int, int]:
    """``(H, W)``; one number stands for both."""
    values = node.integers(key)
    if len(values) > 2:
        raise ModelFileError(node.where(key), f"holds {len(values)} numbers", "It must be one or two (H, W)")
    return (values[0], values[-1])
