"""What every layer must satisfy by itself, whether read from a file or built in Python."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import get_args

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.graph import as_layer
from lavarobust.netx.limits import DECAY_UNITY, SIGMA_DELTA_SHIFT
from lavarobust.netx.model import (
    Conv,
    Dense,
    Flatten,
    GradedSum,
    Input,
    Layer,
    Neuron,
    Reset,
    Shape,
    SigmaDelta,
)
from lavarobust.netx.validate_extended import validate_gate, validate_sum

SIZE_MAX = 1 << 26
"""Largest number of neurons, or of weights, that one layer may have."""

THRESHOLD_END = 1 << 25
"""A threshold from here on leaves int32 when the neuron shifts it left by 6 bits."""

CONV_PARAMETER_MAX = 127
"""Lava's ``Conv`` keeps kernel size, stride, padding, dilation and groups as int8."""

NEURON_KINDS = ("CUBA", "LOIHI")

SIGMA_DELTA_KIND = "SDNN"

SIGMA_DELTA_END = 1 << (31 - SIGMA_DELTA_SHIFT)
"""Thresholds and biases of sigma-delta neurons from here on leave int32 when they are shifted left."""


def validate_layer(layer: Layer, where: str) -> None:
    """Check one layer's own sizes and ranges.

    Args:
        where: file and layer, e.g. ``"model.net: layer/2"``.

    Raises:
        ModelFileError: naming the entry that is wrong.
    """
    if isinstance(layer, Flatten):
        return
    validate_shape(layer.shape, f"{where}/shape")
    if isinstance(layer.neuron, SigmaDelta):
        _sigma_delta(layer.neuron, f"{where}/neuron")
    elif isinstance(layer.neuron, GradedSum):
        validate_sum(layer.neuron, layer, f"{where}/neuron")
    elif layer.neuron is not None:
        _neuron(layer.neuron, layer.shape[0], f"{where}/neuron")
    if isinstance(layer, Input):
        if isinstance(layer.neuron, SigmaDelta) and layer.neuron.sends_sum:
            raise ModelFileError(
                f"{where}/neuron", "encoders have no sum to send", "Leave out sends_sum in an input layer"
            )
        if len(layer.shape) not in (1, 3):
            raise ModelFileError(
                f"{where}/shape", f"an input of shape {layer.shape}", "It must be (n,) or (C, H, W)"
            )
        return
    if layer.gate is not None:
        validate_gate(layer.gate, layer, f"{where}/gate")
    _weight(layer.weight, 2 if isinstance(layer, Dense) else 4, f"{where}/weight")
    if layer.bias is not None and layer.bias.shape != (layer.shape[0],):
        raise ModelFileError(
            f"{where}/bias",
            f"shape {layer.bias.shape} for {layer.shape[0]} channels",
            "A bias has one value per channel (per neuron of a dense layer)",
        )
    if isinstance(layer.neuron, SigmaDelta) and layer.bias is not None:
        _sigma_delta_bias(layer.neuron, layer.bias, f"{where}/bias")
    if isinstance(layer, Dense):
        _dense(layer, where)
    else:
        _conv(layer, where)
    if layer.shortcuts:
        _shortcuts(layer, where)


def validate_populations(layers: Sequence[Layer], name: str) -> None:
    """Refuse a network with sigma-delta neurons and others, or that ends in a sum.

    Raises:
        ModelFileError: names the first layer whose neurons are not of the same kind as those before it.
    """
    first: bool | None = None
    if layers and isinstance(layers[-1], (Dense, Conv)) and isinstance(layers[-1].neuron, GradedSum):
        raise ModelFileError(
            f"{name}: layer/{len(layers) - 1}/neuron",
            "the last layer has no neurons, and only neurons are read out",
            "Export or read the layer behind it too",
        )
    for index, layer in enumerate(layers):
        if isinstance(layer, Flatten) or layer.neuron is None:
            continue
        sigma_delta = isinstance(layer.neuron, SigmaDelta)
        if first is not None and first != sigma_delta:
            raise ModelFileError(
                f"{name}: layer/{index}/neuron",
                "sigma-delta and LIF neurons in one network are not supported",
                "Export a network with neurons of one kind",
            )
        first = sigma_delta


def validate_shape(shape: Shape, where: str) -> None:
    """Refuse an empty, non-positive or absurdly large shape."""
    if not 1 <= len(shape) <= 3 or min(shape) < 1 or prod(shape) > SIZE_MAX:
        raise ModelFileError(
            where,
            f"impossible shape {shape}",
            f"It must be (n,) or (C, H, W), positive, with at most {SIZE_MAX} elements",
        )


def _neuron(neuron: Neuron, channels: int, where: str) -> None:
    if neuron.kind not in NEURON_KINDS:
        raise ModelFileError(f"{where}/type", f"unknown neuron {neuron.kind!r}", "Use CUBA or LOIHI")
    for key, decay in (("iDecay", neuron.current_decay), ("vDecay", neuron.voltage_decay)):
        values = np.asarray(decay)
        if values.shape not in ((), (channels,)):
            raise ModelFileError(
                f"{where}/{key}",
                f"shape {values.shape} for {channels} channels",
                "Give one decay, or one per channel",
            )
        if values.min() < 0 or values.max() > DECAY_UNITY:
            raise ModelFileError(
                f"{where}/{key}",
                f"decay {_outside(values, DECAY_UNITY)} is not in 0..{DECAY_UNITY}",
                "Decays are given in 1/4096 per step",
            )
    if not 0 <= neuron.threshold < THRESHOLD_END:
        raise ModelFileError(
            f"{where}/vThMant",
            f"threshold {neuron.threshold} is not in 0..{THRESHOLD_END - 1}",
            "Thresholds are 17-bit mantissas; export with a smaller scale",
        )
    if neuron.reset not in get_args(Reset):
        raise ModelFileError(
            f"{where}/reset", f"unknown reset {neuron.reset!r:.80}", f"Use {' or '.join(get_args(Reset))}"
        )


def _sigma_delta(neuron: SigmaDelta, where: str) -> None:
    if neuron.kind != SIGMA_DELTA_KIND:
        raise ModelFileError(
            f"{where}/type", f"unknown sigma-delta neuron {neuron.kind!r}", f"Use {SIGMA_DELTA_KIND}"
        )
    if not 0 <= neuron.threshold < SIGMA_DELTA_END:
        raise ModelFileError(
            f"{where}/vThMant",
            f"threshold {neuron.threshold} is not in 0..{SIGMA_DELTA_END - 1}",
            f"Lava shifts it left by {SIGMA_DELTA_SHIFT} bits in 32: export with a smaller scale",
        )


def _shortcuts(layer: Dense | Conv, where: str) -> None:
    delayed = isinstance(layer, Dense) and not (layer.delay is None and layer.recurrent_weight is None)
    if delayed or isinstance(layer.neuron, SigmaDelta):
        raise ModelFileError(
            f"{where}/shortcut",
            "shortcuts join layers of LIF neurons without delays and recurrence only",
            "Export the layer without shortcuts",
        )
    for number, shortcut in enumerate(layer.shortcuts):
        validate_layer(as_layer(shortcut, layer), f"{where}/shortcut/{number}")


def _sigma_delta_bias(neuron: SigmaDelta, bias: np.ndarray, where: str) -> None:
    if neuron.sends_sum:
        raise ModelFileError(
            where, "stock Lava fails on a bias in front of neurons that send their sum", "Export without it"
        )
    if bias.min() <= -SIGMA_DELTA_END or bias.max() >= SIGMA_DELTA_END:
        raise ModelFileError(
            where,
            f"biases {int(bias.min())}..{int(bias.max())} are not within +-{SIGMA_DELTA_END - 1}",
            f"Lava shifts them left by {SIGMA_DELTA_SHIFT} bits in 32: export with a smaller scale",
        )


def _outside(values: np.ndarray, high: int) -> int:
    return int(values.min() if values.min() < 0 else values.max() if values.max() > high else high)


def _weight(weight: np.ndarray, axes: int, where: str) -> None:
    if weight.ndim != axes or not 0 < weight.size <= SIZE_MAX:
        raise ModelFileError(
            where,
            f"shape {weight.shape} where {axes} axes are needed, none empty and"
            f" at most {SIZE_MAX} elements together",
            "Export the network again",
        )


def _dense(layer: Dense, where: str) -> None:
    outputs, inputs = layer.weight.shape
    if layer.recurrent_weight is not None:
        _weight(layer.recurrent_weight, 2, f"{where}/weight_rec")
        if layer.recurrent_weight.shape != (outputs, outputs):
            raise ModelFileError(
                f"{where}/weight_rec",
                f"shape {layer.recurrent_weight.shape} for {outputs} neurons",
                "A recurrent weight is (out, out)",
            )
        if layer.delay is not None:
            raise ModelFileError(
                f"{where}/delay",
                "delays in a recurrent layer are not supported",
                "Export the layer without delays",
            )
    if layer.delay is None:
        return
    if layer.delay.shape not in ((outputs,), (inputs,), (outputs, inputs)):
        raise ModelFileError(
            f"{where}/delay",
            f"shape {layer.delay.shape} for a {outputs} x {inputs} weight",
            "Give one delay per output, per input or per synapse",
        )
    if layer.delay.min() < 0:
        raise ModelFileError(
            f"{where}/delay", f"negative delay {int(layer.delay.min())}", "Delays are 0..62 steps"
        )


def _conv(layer: Conv, where: str) -> None:
    kernel = (int(layer.weight.shape[2]), int(layer.weight.shape[3]))
    for key, values, low in (
        ("weight", kernel, 1),
        ("stride", layer.stride, 1),
        ("padding", layer.padding, 0),
        ("dilation", layer.dilation, 1),
        ("groups", (layer.groups,), 1),
    ):
        if min(values) < low or max(values) > CONV_PARAMETER_MAX:
            raise ModelFileError(
                f"{where}/{key}",
                f"{values if len(values) > 1 else values[0]} is not in {low}..{CONV_PARAMETER_MAX}",
                "Lava's Conv keeps this number as int8",
            )
    if layer.weight.shape[0] % layer.groups:
        raise ModelFileError(
            f"{where}/groups",
            f"{layer.weight.shape[0]} output channels can't be split into {layer.groups} groups",
            "Export the network again",
        )
