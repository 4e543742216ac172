"""Sigma-delta neurons in Lava's 32-bit integers: they receive changes, sum them up and send changes.

Per step, in state units of which a message drops the lowest bits (``lava/proc/sdn/models.py``)::

    sum <- sum + arriving                              (Delta: the input, shifted left, in place of both)
    activation' = max(sum + bias, 0)
    change = activation' - activation + residue;  activation <- activation'
    sent = change where |change| >= threshold, else 0;  residue <- change - sent
    message = sent >> STATE_EXPONENT                   (what the shift cuts off is lost)

A ``Sigma`` sends its sum. Nothing is clipped: whatever leaves 32 bits wraps around, and the magnitude of
-2**31 is itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lavarobust.netx.limits import SIGMA_DELTA_SHIFT, STATE_EXPONENT

Kind = Literal["delta", "sigma", "sigma_delta"]

_LOWEST = -(1 << 31)


@dataclass(frozen=True, eq=False)
class Neurons:
    """A population's parameters in state units.

    Attributes:
        kind: which of Lava's Processes.
        threshold: a change of this magnitude is sent.
        bias: int32, broadcasting against ``(*shape)``.
    """

    kind: Kind
    threshold: int
    bias: np.ndarray


@dataclass(frozen=True, eq=False)
class States:
    """What a population remembers, ``(N, *shape)`` int32 each; a Delta has no sum, a Sigma nothing else."""

    total: np.ndarray
    activation: np.ndarray
    residue: np.ndarray


@dataclass(frozen=True, eq=False)
class Step:
    """What a population did in one step, ``(N, *shape)`` each.

    Attributes:
        messages: int32, what it sent; zero is nothing.
        after: its states.
        wrapped: bool, whose sum, biased sum or change left 32 bits.
        cut: bool, whose input lost bits when it was shifted left.
    """

    messages: np.ndarray
    after: States
    wrapped: np.ndarray
    cut: np.ndarray


def at_rest(shape: tuple[int, ...]) -> States:
    """States of zero."""
    nothing = np.zeros(shape, dtype=np.int32)
    return States(nothing, nothing, nothing)


def advance(neurons: Neurons, arriving: np.ndarray, before: States) -> Step:
    """One step of a population.

    Args:
        arriving: ``(N, *shape)`` int32: the input of a Delta, else the synaptic sums.
    """
    if neurons.kind == "delta":
        activation, cut = _held(arriving.astype(np.int64) << SIGMA_DELTA_SHIFT)
        total, wrapped = before.total, np.zeros_like(cut)
    else:
        total, wrapped = _held(before.total.astype(np.int64) + arriving)
        cut = np.zeros_like(wrapped)
        if neurons.kind == "sigma":
            return Step(total, States(total, before.activation, before.residue), wrapped, cut)
        biased, beyond = _held(total.astype(np.int64) + neurons.bias)
        activation, wrapped = np.maximum(biased, np.int32(0)), wrapped | beyond
    change, beyond = _held(activation.astype(np.int64) - before.activation + before.residue)
    magnitude = np.where(change == _LOWEST, _LOWEST, np.abs(change.astype(np.int64)))
    sent = np.where(magnitude >= neurons.threshold, change, np.int32(0))
    return Step(sent >> STATE_EXPONENT, States(total, activation, change - sent), wrapped | beyond, cut)


def _held(exact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integers as 32 bits hold them, and which are not the exact ones."""
    held = exact.astype(np.int32)
    return held, held != exact
