"""From layers as a recipe holds them to populations: residual blocks taken apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lavarobust.errors import SettingsError
from lavarobust.snn.architecture import BasicSpec, ConvSpec, DenseSpec, LayerSpec, PoolSpec, WideSpec


@dataclass(frozen=True)
class ShortcutPlan:
    """A path around some layers.

    Attributes:
        source: position of the population it comes from.
        stride: of the 1 x 1 convolution on it, where it is no identity.
        pool: side of the average pool in front of it.
        combined: whether both paths have a trained share (the convex combination of
            ``TUG: models/WideResNet.py``) instead of simply adding up.
    """

    source: int
    stride: int = 1
    pool: int = 1
    combined: bool = False


@dataclass(frozen=True)
class NormSpec:
    """Neurons behind the batch norm of a graded value: one synapse each."""

    voltage_decay: int = 0
    batch_norm: bool = True


@dataclass(frozen=True)
class Node:
    """One population of a network.

    Attributes:
        layer: position in the recipe's layers.
        spec: its synapses and neurons.
        pool: side of the average pool in front of it.
        sends_sum: it has no neurons, and its sum goes on as a graded value.
        shortcut: a path that joins its sums.
        second: its neurons are the second of a wide block.
    """

    layer: int
    spec: ConvSpec | DenseSpec | NormSpec
    pool: int = 1
    sends_sum: bool = False
    shortcut: ShortcutPlan | None = None
    second: bool = False


def expand(layers: Sequence[LayerSpec]) -> tuple[Node, ...]:
    """The populations of a network, in order.

    ``block`` is the residual block of HIRE-SNN's ResNet12 (``DIET-SNN: self_models/resnet_spiking.py``):
    two convolutions, and the block's input added in front of the second one's neurons. ``wide`` is the
    pre-activation block of a wide ResNet (``TUG: models/WideResNet.py``): the neurons in front of it are
    those of its own first batch norm. Where its channels change, its shortcut is a 1 x 1 convolution of
    their spikes; where they don't, it is the current that drives them, sent as a graded value.

    Raises:
        SettingsError: a wide block that nothing precedes, or whose input is pooled.
    """
    nodes: list[Node] = []
    pool = 1
    for position, spec in enumerate(layers):
        following = layers[position + 1] if position + 1 < len(layers) else None
        if isinstance(spec, PoolSpec):
            pool *= spec.side
            continue
        if isinstance(spec, BasicSpec):
            if not nodes:
                raise SettingsError(
                    f"network layer {position}: a residual block needs a layer in front, to add its spikes. "
                    "Begin with a convolution."
                )
            nodes += _basic(position, spec, len(nodes), pool)
        elif isinstance(spec, WideSpec):
            if pool > 1 or not nodes or not isinstance(layers[position - 1], (ConvSpec, WideSpec)):
                raise SettingsError(
                    f"network layer {position}: a wide block begins with the neurons of the layer in front. "
                    "Put a convolution or a wide block directly before it."
                )
            nodes += _wide(position, spec, nodes, following)
        elif isinstance(spec, ConvSpec):
            nodes += _activated(Node(position, spec, pool), following)
        else:
            nodes.append(Node(position, spec, pool))
        pool = 1
    return tuple(nodes)


def _basic(position: int, spec: BasicSpec, source: int, pool: int) -> list[Node]:
    first = ConvSpec(
        spec.channels, 3, spec.stride, 1, spec.batch_norm, spec.voltage_decay, dropout=spec.dropout
    )
    shortcut = ShortcutPlan(source - 1, spec.stride, pool)
    second = replace(first, stride=1, dropout=0.0)
    return [Node(position, first, pool), Node(position, second, shortcut=shortcut)]


def _wide(position: int, spec: WideSpec, nodes: list[Node], following: LayerSpec | None) -> list[Node]:
    spiking = len(nodes) - 1
    # the neurons in front stand alone behind a graded value where this block takes it up
    graded = isinstance(nodes[-1].spec, NormSpec)
    source = spiking - 1 if graded else spiking
    first = ConvSpec(spec.channels, 3, spec.stride, 1, spec.batch_norm, spec.voltage_decay)
    join = Node(
        position,
        replace(first, stride=1),
        shortcut=ShortcutPlan(source, spec.stride, combined=True),
    )
    return [Node(position, first, second=True), *_activated(join, following)]


def _activated(node: Node, following: LayerSpec | None) -> list[Node]:
    """A convolution with its neurons, apart where the wide block behind it needs its sum itself."""
    spec = node.spec
    assert isinstance(spec, ConvSpec)
    taken_up = (
        isinstance(following, WideSpec) and following.stride == 1 and following.channels == spec.channels
    )
    if not taken_up:
        return [node]
    plain = replace(node, spec=replace(spec, batch_norm=False, bias=False), sends_sum=True)
    return [plain, Node(node.layer, NormSpec(spec.voltage_decay, spec.batch_norm))]
