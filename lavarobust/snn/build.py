"""The blocks of a network, from a recipe's layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch

from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding, ReadoutKind
from lavarobust.snn.architecture import ConvSpec, DenseSpec, LayerSpec
from lavarobust.snn.block import Block, ConvBlock, DenseBlock
from lavarobust.snn.expand import Node, NormSpec, ShortcutPlan, expand
from lavarobust.snn.scalars import NeuronOptions
from lavarobust.snn.settings import BlockSettings
from lavarobust.snn.shortcut import NormBlock, ResidualBlock, ShortcutSettings

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Placed:
    """A block and where it stands.

    Attributes:
        block: itself.
        input_shape: of what arrives, before any pool.
        source: position of the block that its shortcut comes from, or None.
        dropout: share of its neurons that a training pass silences.
        second: whether its neurons are the second of a wide block.
    """

    block: Block
    input_shape: Shape
    source: int | None
    dropout: float
    second: bool


def build_blocks(
    layers: Sequence[LayerSpec],
    input_shape: Shape,
    encoding: Encoding,
    readout: ReadoutKind,
    surrogate: Surrogate,
    generator: torch.Generator,
    neuron: NeuronOptions,
) -> tuple[Placed, ...]:
    """The blocks of an architecture in order, with initial weights from the generator.

    Raises:
        SettingsError: an architecture that does not fit the input, naming the layer.
    """
    if not layers or not isinstance(layers[-1], DenseSpec):
        raise SettingsError("network: the last layer must be 'dense CLASSES', the readout.")
    nodes = expand(layers)
    shapes: list[Shape] = []
    placed = []
    for position, node in enumerate(nodes):
        where = f"network layer {node.layer} ({layers[node.layer]})"
        shape = shapes[-1] if shapes else input_shape
        last = position == len(nodes) - 1
        if node.sends_sum and not position and encoding.kind == "direct":
            raise SettingsError(
                f"{where}: its sum goes on as a graded value, which nothing holds if the image is sent once. "
                "Use the encoding repeat, or another number of channels in the wide block behind it."
            )
        spiking = not (last and readout == "membrane")
        spec = node.spec
        settings = BlockSettings(
            voltage_decay=spec.voltage_decay,
            holds_input=not position and encoding.kind == "direct",
            spiking=spiking,
            # a membrane readout is a plain linear layer; one that counts spikes has to reach threshold
            batch_norm=spec.batch_norm and spiking,
            bias=_has_bias(spec) or (last and not (spec.batch_norm and spiking)),
            pool=node.pool,
            input_units=1.0 if position else input_units(encoding),
            surrogate=surrogate,
            neuron=neuron,
        )
        pooled = _pooled(shape, node.pool, where)
        if isinstance(spec, DenseSpec):
            block: Block = DenseBlock(prod(pooled), spec.features, settings, generator)
            made: Shape = (spec.features,)
        elif isinstance(spec, NormSpec):
            block, made = NormBlock(pooled[0], settings, generator), pooled
        else:
            made = _convolved(spec, pooled, where)
            block = _convolution(node, spec, pooled, made, shapes, settings, generator, where)
        source = None if node.shortcut is None else node.shortcut.source
        dropout = 0.0 if isinstance(spec, NormSpec) else spec.dropout
        placed.append(Placed(block, shape, source, dropout, node.second))
        shapes.append(made)
    return tuple(placed)


def _has_bias(spec: ConvSpec | DenseSpec | NormSpec) -> bool:
    return not isinstance(spec, NormSpec) and spec.bias


def input_units(encoding: Encoding) -> float:
    """Integer units of the encoder's output per pixel unit, or per spike."""
    return 1.0 if encoding.drawn else float(encoding.levels)


def _pooled(shape: Shape, side: int, where: str) -> Shape:
    if side == 1:
        return shape
    if len(shape) != 3 or any(length % side for length in shape[1:]):
        raise SettingsError(
            f"{where}: an input of shape {shape} can't be cut into {side} x {side} "
            "squares. Choose a size that divides height and width."
        )
    return (shape[0], *(length // side for length in shape[1:]))


def _convolved(spec: ConvSpec, shape: Shape, where: str) -> Shape:
    if len(shape) != 3:
        raise SettingsError(f"{where}: a convolution can't follow a dense layer. Put it in front.")
    sides = tuple((side + 2 * spec.padding - spec.kernel) // spec.stride + 1 for side in shape[1:])
    if min(sides) < 1:
        raise SettingsError(
            f"{where}: kernel {spec.kernel} is larger than its input {shape}. Use a smaller one."
        )
    return (spec.channels, *sides)


def _convolution(
    node: Node,
    spec: ConvSpec,
    shape: Shape,
    made: Shape,
    shapes: list[Shape],
    settings: BlockSettings,
    generator: torch.Generator,
    where: str,
) -> Block:
    geometry = (shape[0], spec.channels, spec.kernel, settings, generator, spec.stride, spec.padding)
    if node.shortcut is None and not node.sends_sum:
        return ConvBlock(*geometry)
    shortcut = None
    if node.shortcut is not None:
        shortcut = _shortcut(node.shortcut, shapes[node.shortcut.source], made, where)
    return ResidualBlock(*geometry, shortcut=shortcut, sends_sum=node.sends_sum)


def _shortcut(plan: ShortcutPlan, source: Shape, made: Shape, where: str) -> ShortcutSettings:
    """Each channel as it is where channels and sizes agree, else a 1 x 1 convolution."""
    pooled = _pooled(source, plan.pool, where)
    reached = (pooled[0], *((side - 1) // plan.stride + 1 for side in pooled[1:]))
    if reached[1:] != made[1:]:
        raise SettingsError(
            f"{where}: its shortcut of stride {plan.stride} makes {reached[1:]} of {pooled[1:]}, and its "
            f"convolutions make {made[1:]}. Choose a stride that fits both."
        )
    return ShortcutSettings(pooled[0], plan.stride, plan.pool, reached == made, plan.combined)
