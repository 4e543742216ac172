"""Which parts of the hardware model a trial exercised."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.parity.trial import Trial
from lavarobust.netx.model import Conv, Dense, GradedSum, Input, Neuron
from lavarobust.record import Record

KINDS = ("dense", "conv", "recurrent", "delay", "SDNN")
FEATURES = (
    "stride", "dilation", "groups", "bias", "decay", "signed", "graded", "wrap", "clip", "soft reset",
    "stochastic gate", "skip", "graded sum",
)  # fmt: skip
EXTRAS = (
    "padding",
    "decay per neuron",
    "membrane readout",
    "many frames",
    "sparse",
    "vectorised conv",
    "sparse unlike dense",
)
"""Shown beside the others; no number of them is asked for. ``sparse unlike dense``: Lava's own sparse layers
differ from its dense ones, and the simulator equals the latter, which are what lava-dl takes unasked."""


def features_of(trial: Trial, record: Record) -> tuple[str, ...]:
    """Names out of ``KINDS``, ``FEATURES`` and ``EXTRAS``; ``record`` is Lava's."""
    found = set(_of_input(trial)) | set(trial.model.extensions)
    for _, layer in trial.model.populations:
        found |= set(_of_neuron(layer))
        if isinstance(layer, Conv):
            found |= set(_of_conv(layer))
        elif isinstance(layer, Dense):
            found |= set(_of_dense(layer))
    if any(counts.wraps.any() for counts in record.layers):
        found.add("wrap")
    if any(counts.clips.any() for counts in record.layers):
        found.add("clip")
    if trial.sparse_fc_layer and "dense" in found:
        found.add("sparse")
    if trial.fast_convolution and "conv" in found:
        found.add("vectorised conv")
    if trial.readout == "membrane":
        found.add("membrane readout")
    return tuple(name for name in (*KINDS, *FEATURES, *EXTRAS) if name in found)


def _of_input(trial: Trial) -> Iterator[str]:
    frames = trial.stimulus.frames
    if frames.shape[-1] > 1:
        yield "many frames"
    if isinstance(trial.model.populations[0][1], Input):
        return  # its values are biases and not messages
    if frames.min() < 0:
        yield "signed"
    if np.abs(frames).max() > 1:
        yield "graded"


def _of_neuron(layer: Input | Dense | Conv) -> Iterator[str]:
    neuron = layer.neuron
    if isinstance(layer, (Dense, Conv)) and layer.shortcuts:
        yield "skip"
    if isinstance(neuron, GradedSum):
        yield "graded sum"
        return
    if not isinstance(neuron, Neuron):
        yield "SDNN"
        return
    decays = [np.asarray(decay) for decay in (neuron.current_decay, neuron.voltage_decay)]
    if any(((decay > 0) & (decay < 4096)).any() for decay in decays):
        yield "decay"
    if any(decay.ndim for decay in decays):
        yield "decay per neuron"


def _of_conv(layer: Conv) -> Iterator[str]:
    yield "conv"
    if max(layer.stride) > 1:
        yield "stride"
    if max(layer.padding) > 0:
        yield "padding"
    if any(d > 1 and k > 1 for d, k in zip(layer.dilation, layer.weight.shape[2:], strict=True)):
        yield "dilation"
    if layer.groups > 1:
        yield "groups"
    if layer.bias is not None and layer.bias.any():
        yield "bias"


def _of_dense(layer: Dense) -> Iterator[str]:
    if layer.recurrent_weight is not None:
        yield "recurrent"
    elif layer.delay is not None and layer.delay.any():
        yield "delay"
    else:
        yield "dense"
    if layer.bias is not None and layer.bias.any():
        yield "bias"
