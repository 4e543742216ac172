"""From a trained network to the integer model: fold, quantise, expand pools, state what can overflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from lavarobust.encoding import input_range
from lavarobust.errors import LavarobustError
from lavarobust.netx.bounds import state_bounds
from lavarobust.netx.deployment import Deployment, LayerOverflow, OverflowState
from lavarobust.netx.limits import POTENTIAL_LIMIT, STATE_HALF_RANGE
from lavarobust.netx.model import (
    Conv,
    Dense,
    Flatten,
    Gate,
    GradedSum,
    Input,
    Layer,
    Model,
    Neuron,
    Shortcut,
)
from lavarobust.snn.block import ConvBlock, DenseBlock
from lavarobust.snn.folding import LayerParameters
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.shortcut import ResidualBlock

CALIBRATION_BATCH = 256


class OverflowHappensError(LavarobustError):
    """A layer's states leave their 24 bits on calibration data, and that was not allowed."""


@torch.no_grad()
def to_model(network: SpikingNetwork, name: str = "model") -> Model:
    """The integer model of a network; freezes the network's statistics and scales.

    A pool in front of a layer becomes part of its kernel, so that every layer is one that stock Lava runs.
    Gates stay gates, which takes an extended file; :mod:`lavarobust.snn.thinning` has what needs none.
    """
    network.eval()
    network.freeze()
    layers: list[Layer] = [Input(network.input_shape)]
    shape = network.input_shape
    placed: list[int] = []
    parts = zip(network.stack, network.block_inputs, network.parameters_now(), network.sources, strict=True)
    for block, input_shape, parameters, source in parts:
        if isinstance(block, DenseBlock) and len(shape) > 1:
            layers.append(Flatten())
        layer: Conv | Dense
        if isinstance(block, ConvBlock):
            layer = _conv_layer(block, parameters, input_shape)
        else:
            layer = _dense_layer(block, parameters, input_shape)
        if isinstance(block, ResidualBlock):
            layer = _residual(block, parameters, layer, None if source is None else placed[source])
        placed.append(len(layers))
        layers.append(replace(layer, gate=_gate(block)))
        shape = layer.shape
    return Model(tuple(layers), network.input_shape, name=name)


def describe(
    network: SpikingNetwork,
    model: Model,
    images: np.ndarray,
    indices: np.ndarray,
    *,
    class_names: tuple[str, ...],
    data: str,
    recipe: Mapping[str, Any],
    versions: Mapping[str, str],
    allow_overflow: bool = False,
) -> Model:
    """The model with its deployment group: how to run it, and what is known about overflow.

    Args:
        images: ``(N, C, H, W)`` calibration images in [0, 1] (training data, never the test set).
        indices: their ``(N,)`` indices in the data set.
        allow_overflow: export a layer whose states wrap or clip on those images.

    Raises:
        OverflowHappensError: naming the layers.
    """
    low, high = input_range(network.encoding)
    statement = overflow_statement(network, model, images, indices, int(np.min(low)), int(np.max(high)))
    happening = [entry.layer for entry in statement if "happens" in (entry.current, entry.potential)]
    if happening and not allow_overflow:
        raise OverflowHappensError(
            f"{model.name}: the states of {', '.join(happening)} leave their 24 bits on the calibration "
            "images. Lower the encoder's levels or T, or export with allow_overflow if wrapping is meant."
        )
    deployment = Deployment(
        steps=network.steps,
        encoding=network.encoding,
        readout=network.readout,
        input_shape=network.input_shape,
        class_names=class_names,
        data=data,
        recipe=dict(recipe),
        versions=dict(versions),
        overflow=statement,
        thresholds=_real_thresholds(network),
    )
    return replace(model, deployment=deployment)


def _real_thresholds(network: SpikingNetwork) -> tuple[float, ...]:
    """Of each block, 1 where it has none; nothing if all are 1."""
    scalars = [block.scalars for block in network.stack]
    thresholds = [1.0 if one is None else float(one.threshold.detach()) for one in scalars]
    return () if all(threshold == 1 for threshold in thresholds) else tuple(thresholds)


@torch.no_grad()
def overflow_statement(
    network: SpikingNetwork, model: Model, images: np.ndarray, indices: np.ndarray, low: int, high: int
) -> tuple[LayerOverflow, ...]:
    """Per layer with neurons: the proved bounds and the largest magnitudes on calibration images."""
    network.eval()
    seen = [[0, 0] for _ in network.blocks]
    for start in range(0, len(images), CALIBRATION_BATCH):
        part = slice(start, start + CALIBRATION_BATCH)
        activity = network.activity(torch.from_numpy(images[part]), indices[part])
        for entry, trajectory in zip(seen, activity.trajectories, strict=True):
            entry[0] = max(entry[0], trajectory.peak_current)
            entry[1] = max(entry[1], trajectory.peak_potential)
    frames = 1 if network.encoding.kind == "direct" else network.steps
    bounds = state_bounds(model, network.steps, low, high, frames)
    return tuple(
        LayerOverflow(
            layer=model.layer_name(index),
            current=_state(bound.current, peak[0], STATE_HALF_RANGE - 1),
            potential=_state(bound.potential, peak[1], POTENTIAL_LIMIT),
            current_bound=bound.current,
            potential_bound=bound.potential,
            current_seen=peak[0],
            potential_seen=peak[1],
        )
        for (index, _), bound, peak in zip(model.populations, bounds, seen, strict=True)
    )


def effective_weight_bits(model: Model) -> dict[str, tuple[int, ...]]:
    """Bits that each output channel's largest weight uses, sign included: 8 at most."""
    return {
        model.layer_name(index): tuple(
            int(np.abs(channel).max() // 2).bit_length() + 1 if channel.any() else 0
            for channel in layer.weight
        )
        for index, layer in model.populations
        if not isinstance(layer, Input)
    }


def _state(bound: int, seen: int, limit: int) -> OverflowState:
    if seen > limit:
        return "happens"
    return "cannot overflow" if bound <= limit else "not seen"


def _neuron(block: ConvBlock | DenseBlock, parameters: LayerParameters) -> Neuron:
    return Neuron(
        current_decay=int(block.neuron.device_params["iDecay"]),
        voltage_decay=parameters.scalars.voltage_decay,
        threshold=parameters.scalars.threshold,
        reset=block.neuron.reset,
    )


def _gate(block: ConvBlock | DenseBlock) -> Gate | None:
    if block.gate is None:
        return None
    return Gate(block.gate.opening.reshape(-1), block.gate.options.seed, block.gate.stream)


def _integers(values: torch.Tensor | None) -> np.ndarray | None:
    return None if values is None else values.numpy().astype(np.int32)


def _residual(
    block: ResidualBlock, parameters: LayerParameters, layer: Conv | Dense, source: int | None
) -> Conv | Dense:
    """The layer with its shortcut, whose pool becomes part of the kernel too, or as a sum where it is one."""
    if block.sends_sum:
        layer = replace(layer, neuron=GradedSum(parameters.shift))
    if block.shortcut is None:
        return layer
    assert source is not None and parameters.shortcut is not None
    weight = parameters.shortcut.squeeze(-1).numpy().astype(np.int32)
    settings, groups = block.shortcut.settings, block.shortcut.synapse.groups
    weight = weight.repeat(settings.pool, axis=2).repeat(settings.pool, axis=3)
    stride = settings.stride * settings.pool
    return replace(layer, shortcuts=(Shortcut(source, weight, (stride, stride), groups=groups),))


def _conv_layer(block: ConvBlock, parameters: LayerParameters, input_shape: tuple[int, ...]) -> Conv:
    weight = parameters.weight.squeeze(-1).numpy().astype(np.int32)
    pool = block.settings.pool
    stride, padding = block.synapse.stride[0] * pool, block.synapse.padding[0] * pool
    weight = weight.repeat(pool, axis=2).repeat(pool, axis=3)
    size = tuple((side + 2 * padding - weight.shape[2]) // stride + 1 for side in input_shape[1:])
    return Conv(
        weight=weight,
        neuron=_neuron(block, parameters),
        shape=(weight.shape[0], *size),
        bias=_integers(parameters.bias),
        stride=(stride, stride),
        padding=(padding, padding),
        groups=block.synapse.groups,
    )


def _dense_layer(block: DenseBlock, parameters: LayerParameters, input_shape: tuple[int, ...]) -> Dense:
    weight = parameters.weight.flatten(1).numpy().astype(np.int32)
    pool = block.settings.pool
    if pool > 1:
        channels, height, width = input_shape
        grid = weight.reshape(-1, channels, height // pool, width // pool)
        weight = grid.repeat(pool, axis=2).repeat(pool, axis=3).reshape(len(weight), -1)
    return Dense(weight=weight, neuron=_neuron(block, parameters), bias=_integers(parameters.bias))
