"""The integer model: what a NetX file says, as frozen dataclasses in (C, H, W) order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lavarobust.netx.deployment import Deployment
from lavarobust.netx.limits import READOUT_THRESHOLD

Shape = tuple[int, ...]

Reset = Literal["hard", "soft"]
"""What a spike does to the potential: clear it, or take the threshold off it."""


@dataclass(frozen=True, eq=False)
class Neuron:
    """Parameters of a CUBA LIF population in device units (``neuron`` group of a NetX layer).

    Attributes:
        current_decay: ``iDecay`` in 1/4096 per step, 0..4096; an int, or one per channel ``(C,)``.
        voltage_decay: ``vDecay`` in 1/4096 per step, 0..4096; an int, or one per channel ``(C,)``.
        threshold: ``vThMant``; a spike is ``potential > threshold << 6`` (strict).
        kind: the file's name for the model, ``"CUBA"`` or ``"LOIHI"`` (the same dynamics).
        reset: ``hard`` as stock Lava and the chip have it, or ``soft``: ``potential -= threshold << 6``, in
            an extended file.
    """

    current_decay: int | np.ndarray
    voltage_decay: int | np.ndarray
    threshold: int
    kind: str = "CUBA"
    reset: Reset = "hard"


@dataclass(frozen=True, eq=False)
class SigmaDelta:
    """Parameters of a sigma-delta population (``SDNN`` in a NetX file).

    In an input layer it is Lava's ``Delta``, where it ``sends_sum`` Lava's ``Sigma``, elsewhere Lava's
    ``SigmaDelta`` with a rectified sum. The exponents of states and messages are the stock loader's:
    ``limits.MESSAGE_EXPONENT`` and ``limits.STATE_EXPONENT``.

    Attributes:
        threshold: ``vThMant``; a change is sent if its magnitude is ``threshold << 12`` or more.
        sends_sum: whether the file has ``sigma_output``: the sum itself is sent, in every step.
        kind: the file's name for the model.
    """

    threshold: int
    sends_sum: bool = False
    kind: str = "SDNN"


@dataclass(frozen=True, eq=False)
class GradedSum:
    """A population without state that sends its synaptic sum itself, as a graded value, in every step.

    ``sent = (sum + (1 << shift >> 1)) >> shift``: the nearest, of halves the upper one. It makes a current
    that several layers take up, such as the input of a pre-activation residual block.

    Attributes:
        shift: bits that are rounded away before sending, 0..24.
        kind: the file's name for the model.
    """

    shift: int = 0
    kind: str = "SUM"

    def sent(self, total: int) -> int:
        """What is sent of a sum."""
        return (total + (1 << self.shift >> 1)) >> self.shift


AnyNeuron = Neuron | SigmaDelta | GradedSum

READOUT = Neuron(current_decay=4096, voltage_decay=0, threshold=READOUT_THRESHOLD)
"""Accumulates its input for ever and can't spike: a membrane readout in stock Lava."""

UNSPECIFIED = Neuron(current_decay=0, voltage_decay=4096, threshold=READOUT_THRESHOLD)
"""What the stock loader gives a dense layer without neuron group (hdf5.py, create_dense)."""


@dataclass(frozen=True, eq=False)
class Gate:
    """A stochastic gate behind a LIF population: it sends a spike with its neuron's own probability.

    Which spikes those are is decided by :func:`lavarobust.dynamics.gate.gate_draws`; the neuron's reset is
    that of the ungated spike. Of an extended file.

    Attributes:
        opening: ``(neurons,)`` int32 in (C, H, W) order, probabilities in 1/65536, 0..65536.
        seed: of the draws.
        stream: the layer's own number among those that draw with this seed, from 1.
    """

    opening: np.ndarray
    seed: int
    stream: int


@dataclass(frozen=True, eq=False)
class Input:
    """An ``input`` layer: declares the input's shape, and may hold neurons.

    LIF neurons are driven by their bias, sigma-delta neurons encode the changes of what they are sent.

    Attributes:
        shape: ``(C, H, W)`` or ``(n,)``.
        neuron: None where the layer only declares a shape.
        weight, bias: the transform ``weight * x + bias`` that makes a bias mantissa (an input, where the
            neurons are sigma-delta) of a pixel.
    """

    shape: Shape
    neuron: AnyNeuron | None = None
    weight: int = 64
    bias: int = 0


@dataclass(frozen=True, eq=False)
class Flatten:
    """A ``flatten`` layer: (C, H, W) order, no arithmetic."""


@dataclass(frozen=True, eq=False)
class Shortcut:
    """Synapses from an earlier population into a layer's sums, beside those from the layer in front.

    Attributes:
        source: index in ``Model.layers`` of the earlier population.
        weight: int32; of a convolution ``(out, in / groups, kH, kW)`` into a ``Conv`` (the identity is a
            depthwise 1 x 1 one), ``(out, in)`` into a ``Dense``.
        stride, padding, dilation, groups: of a convolution, as :class:`Conv` has them.
    """

    source: int
    weight: np.ndarray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1


@dataclass(frozen=True, eq=False)
class Dense:
    """A ``dense`` or ``dense_rec`` layer, weights as the file holds them.

    Attributes:
        weight: ``(out, in)`` int32.
        neuron: the population behind it, ``out`` neurons.
        bias: ``(out,)`` int32 mantissas (exponent 6, of sigma-delta neurons 12), or None.
        delay: in steps, per output ``(out,)``, per input ``(in,)`` or per synapse ``(out, in)``
            int32 as in the file, or None; see ``loader_rules.effective_delay``.
        recurrent_weight: ``(out, out)`` int32 for ``dense_rec``, else None.
        gate: behind the population, or None.
        shortcuts: further synapses into its sums, in an extended file.
    """

    weight: np.ndarray
    neuron: AnyNeuron
    bias: np.ndarray | None = None
    delay: np.ndarray | None = None
    recurrent_weight: np.ndarray | None = None
    gate: Gate | None = None
    shortcuts: tuple[Shortcut, ...] = ()

    @property
    def shape(self) -> Shape:
        return (self.weight.shape[0],)


@dataclass(frozen=True, eq=False)
class Conv:
    """A ``conv`` layer (a correlation, as in torch), weights as the file holds them.

    Attributes:
        weight: ``(out, in / groups, kH, kW)`` int32.
        neuron: the population behind it.
        shape: output shape ``(C, H, W)``.
        bias: ``(C,)`` int32 mantissas (exponent 6, of sigma-delta neurons 12), or None.
        stride, padding, dilation: ``(H, W)``.
        gate: behind the population, or None.
        shortcuts: further synapses into its sums, in an extended file.
    """

    weight: np.ndarray
    neuron: AnyNeuron
    shape: Shape
    bias: np.ndarray | None = None
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    gate: Gate | None = None
    shortcuts: tuple[Shortcut, ...] = ()


Layer = Input | Flatten | Dense | Conv
Synaptic = (Dense, Conv)


@dataclass(frozen=True, eq=False)
class Model:
    """One deployed network.

    Attributes:
        layers: in execution order, index i being ``layer/i`` of the file.
        input_shape: ``(C, H, W)`` or ``(n,)``, from the input layer, the deployment or the caller.
        deployment: how to run it, where the file says so (None for a file of another writer).
        name: a file path or a name to print.
        ignored: ``(layer index, what)`` that the file says and stock Lava silently ignores.
    """

    layers: tuple[Layer, ...]
    input_shape: Shape
    deployment: Deployment | None = None
    name: str = "model"
    ignored: tuple[tuple[int, str], ...] = ()

    @property
    def populations(self) -> tuple[tuple[int, Input | Dense | Conv], ...]:
        """``(index in layers, layer)`` of every layer that holds neurons, in order."""
        return tuple(
            (index, layer)
            for index, layer in enumerate(self.layers)
            if not isinstance(layer, Flatten) and layer.neuron is not None
        )

    @property
    def output_layer(self) -> Dense | Conv:
        layer = self.populations[-1][1]
        assert not isinstance(layer, Input)
        return layer

    @property
    def sigma_delta(self) -> bool:
        """Whether its populations are sigma-delta neurons (all are, or none: ``validate_populations``)."""
        return any(isinstance(layer.neuron, SigmaDelta) for _, layer in self.populations)

    @property
    def gated(self) -> bool:
        """Whether its answers depend on the draws of stochastic gates."""
        return any(isinstance(layer, Synaptic) and layer.gate is not None for layer in self.layers)

    @property
    def recurrent(self) -> bool:
        """Whether some population has synapses to itself."""
        return any(isinstance(layer, Dense) and layer.recurrent_weight is not None for layer in self.layers)

    @property
    def extensions(self) -> tuple[str, ...]:
        """What of it stock NetX can't express, such as ``"soft reset"``; empty for a plain model.

        A model with extensions becomes an extended file, which the stock loader refuses, and runs on
        this project's ``simulator`` and ``lava`` backends only.
        """
        return tuple(dict.fromkeys(name for layer in self.layers for name in _extensions(layer)))

    def layer_name(self, index: int) -> str:
        """A name to print, e.g. ``"2 dense"``."""
        return f"{index} {type(self.layers[index]).__name__.lower()}"


def _extensions(layer: Layer) -> tuple[str, ...]:
    """What one layer has that stock NetX can't express."""
    has = {
        "soft reset": not isinstance(layer, Flatten)
        and isinstance(layer.neuron, Neuron)
        and layer.neuron.reset == "soft",
        "stochastic gate": isinstance(layer, Synaptic) and layer.gate is not None,
        "skip connection": isinstance(layer, Synaptic) and bool(layer.shortcuts),
        "graded sum": isinstance(layer, Synaptic) and isinstance(layer.neuron, GradedSum),
    }
    return tuple(name for name, there in has.items() if there)
