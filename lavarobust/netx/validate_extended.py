"""What gates and graded sums of an extended file must satisfy by themselves."""

from __future__ import annotations

from math import prod

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.limits import GATE_UNITY, GRADED_SHIFT_MAX
from lavarobust.netx.model import Conv, Dense, Gate, GradedSum, Input, Neuron

GATE_KEY_END = 1 << 63
"""Seeds and streams are kept as int64."""

SUM_KIND = "SUM"


def validate_gate(gate: Gate, layer: Dense | Conv, where: str) -> None:
    """Check a gate and what it stands behind; raises ModelFileError."""
    recurrent = isinstance(layer, Dense) and layer.recurrent_weight is not None
    if recurrent or not isinstance(layer.neuron, Neuron):
        raise ModelFileError(
            where, "gates stand behind LIF neurons without recurrent synapses only", "Remove the gate"
        )
    if gate.opening.shape != (prod(layer.shape),):
        raise ModelFileError(
            f"{where}/opening",
            f"shape {gate.opening.shape} for {prod(layer.shape)} neurons",
            "Give one opening per neuron, in (C, H, W) order",
        )
    if gate.opening.min() < 0 or gate.opening.max() > GATE_UNITY:
        raise ModelFileError(
            f"{where}/opening",
            f"opening {_outside(gate.opening)} is not in 0..{GATE_UNITY}",
            "Openings are probabilities in 1/65536",
        )
    for key, value, low in (("seed", gate.seed, 0), ("stream", gate.stream, 1)):
        if not low <= value < GATE_KEY_END:
            raise ModelFileError(f"{where}/{key}", f"is {value}", f"Give {low} to 2**63 - 1")


def validate_sum(neuron: GradedSum, layer: Input | Dense | Conv, where: str) -> None:
    """Check a graded sum and the layer it belongs to; raises ModelFileError."""
    if neuron.kind != SUM_KIND:
        raise ModelFileError(f"{where}/type", f"unknown kind of sum {neuron.kind!r:.80}", f"Use {SUM_KIND}")
    if isinstance(layer, Input) or layer.bias is not None:
        raise ModelFileError(where, "a sum has synapses and no bias", "Add the bias behind it")
    if isinstance(layer, Dense) and not (layer.delay is None and layer.recurrent_weight is None):
        raise ModelFileError(
            where, "delays and recurrence in front of a sum are not supported", "Remove them"
        )
    if not 0 <= neuron.shift <= GRADED_SHIFT_MAX:
        raise ModelFileError(
            f"{where}/shift",
            f"{neuron.shift} is not in 0..{GRADED_SHIFT_MAX}",
            "It is the number of bits that are rounded away",
        )


def _outside(opening: np.ndarray) -> int:
    return int(opening.min() if opening.min() < 0 else opening.max())
