"""Small executed networks of integers, and their weights as torch layers fed with what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from random_networks import simulate
from torch import nn

from lavarobust.energy import Ledger, make_ledger
from lavarobust.netx.loader_rules import load_weight
from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Model, Neuron
from lavarobust.record import Record, Stimulus

STEPS, SAMPLES = 4, 2
SHAPE = (2, 8, 8)
INPUTS = ("spikes", "signed", "graded", "graded repeated")


@dataclass(frozen=True, eq=False)
class Counted:
    """A model, what it was fed and its record."""

    model: Model
    stimulus: Stimulus
    record: Record

    @property
    def ledger(self) -> Ledger:
        return make_ledger(self.record, self.model)

    def arriving(self, sample: int) -> Iterator[list[torch.Tensor]]:
        """For each step, what enters each layer with synapses, each with a batch of one."""
        sent = self.stimulus.frames[sample : sample + 1]
        missing = self.stimulus.steps - sent.shape[-1]
        first = np.concatenate([sent, np.zeros((*sent.shape[:-1], missing), sent.dtype)], axis=-1)
        rasters = (self.record.rasters[index] for index, _ in self.model.populations[:-1])
        sources = (first, *(raster[sample : sample + 1] for raster in rasters))
        for step in range(self.stimulus.steps):
            yield [torch.from_numpy(source[..., step].astype(np.float32)) for source in sources]


def counted(kind: str, pool: int = 1, threshold: int = 40) -> Counted:
    """Two convolutions (groups and borders; dilation, stride, or a pool in the kernel) and two dense layers.

    About a third of the weights are zero, and only some layers have biases.

    Args:
        threshold: of the first layer; the lower, the busier is what the second receives.
    """
    rng = np.random.default_rng(0)
    middle = _weights(rng, (6, 4, 3, 3))
    geometry = ((2, 2), (2, 2), (2, 2), 1) if pool == 1 else ((pool, pool), (pool, pool), (1, 1), 1)
    places = 4 if pool == 1 else 8 // pool
    layers = (
        Conv(
            _weights(rng, (4, 1, 3, 3)), _lif(threshold), (4, 8, 8), _bias(rng, 4), padding=(1, 1), groups=2
        ),
        Conv(middle.repeat(pool, 2).repeat(pool, 3), _lif(60), (6, places, places), None, *geometry),
        Flatten(),
        Dense(_weights(rng, (10, 6 * places**2)), _lif(60), bias=_bias(rng, 10)),
        Dense(_weights(rng, (3, 10)), READOUT),
    )
    model = Model(layers, input_shape=SHAPE, name="counted")
    stimulus = Stimulus(_frames(rng, kind), STEPS, graded=kind != "spikes")
    return Counted(model, stimulus, simulate(model, stimulus, "membrane"))


def torch_layer(layer: Conv | Dense, pool: int = 1) -> nn.Module:
    """A layer's own weights in floats; a pool that its kernel holds stands in front of it."""
    weight = load_weight(layer).weight
    if isinstance(layer, Dense):
        made: nn.Linear | nn.Conv2d = nn.Linear(weight.shape[1], len(weight), layer.bias is not None)
    else:
        weight = weight[:, :, ::pool, ::pool]
        geometry = (tuple(one // pool for one in size) for size in (layer.stride, layer.padding))
        channels = (weight.shape[1] * layer.groups, len(weight))
        kernel = weight.shape[2:]
        made = nn.Conv2d(*channels, kernel, *geometry, layer.dilation, layer.groups, layer.bias is not None)
    with torch.no_grad():
        made.weight.copy_(torch.from_numpy(weight.astype(np.float32)))
    return nn.Sequential(nn.AvgPool2d(pool), made) if pool > 1 else made


class Fed(nn.Module):
    """Layers that are each called with what the record says arrived, whatever the one before would send."""

    def __init__(self, model: Model, pools: tuple[int, ...] = ()) -> None:
        super().__init__()
        own = [layer for _, layer in model.populations]
        pairs = zip(own, pools or [1] * len(own), strict=True)
        self.layers = nn.ModuleList(torch_layer(layer, pool) for layer, pool in pairs)

    @torch.no_grad()
    def forward(self, arriving: list[torch.Tensor]) -> None:
        for layer, values in zip(self.layers, arriving, strict=True):
            layer(values.flatten(1) if isinstance(layer, nn.Linear) else values)


def _lif(threshold: int) -> Neuron:
    return Neuron(current_decay=4096, voltage_decay=0, threshold=threshold)


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return (2 * rng.integers(-6, 10, shape) * (rng.random(shape) > 0.3)).astype(np.int32)


def _bias(rng: np.random.Generator, channels: int) -> np.ndarray:
    return rng.integers(1, 5, channels).astype(np.int32)


def _frames(rng: np.random.Generator, kind: str) -> np.ndarray:
    shape = (SAMPLES, *SHAPE, 1 if kind == "graded" else STEPS)
    if kind == "spikes":
        return (rng.random(shape) < 0.3).astype(np.int32)
    if kind == "signed":
        return (rng.integers(-1, 2, shape) * (rng.random(shape) < 0.5)).astype(np.int32)
    values = rng.integers(0, 9, (SAMPLES, *SHAPE, 1)) * (rng.random((SAMPLES, *SHAPE, 1)) < 0.6)
    return np.broadcast_to(values, shape).astype(np.int32)
