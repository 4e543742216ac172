"""Synapses that a step's events drive, counted by words of 64 inputs and not event by event.

Fan-outs are written in binary digits: for each digit a bit per input says whether its fan-out has it. What a
step drives is then a sum over digits, of the events that have one times what the digit is worth. In a layer
most fan-outs differ by their zero weights and their place at a border, so few digits tell them apart.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.compiled import inlined
from lavarobust.execution.simulator.order import pack
from lavarobust.execution.simulator.vectors import COLUMNS, weigh_bits

_ANY, _ZERO = (1 << 32) + 1, -1 << 32
"""A synapse of either kind, and what tells one of zero weight from it, in the two halves of a count."""


class FanOut(NamedTuple):
    """Fan-outs of all inputs of a layer, for compiled loops.

    Attributes:
        worth: ``(D,)`` int64, synapses that a digit stands for: all, and ``<< 32`` those that are not zero;
            whole blocks of 8 digits, filled up with zeros.
        digits: ``(D / 8, W, 8)`` uint64, per digit a bit for each input that has it.
    """

    worth: np.ndarray
    digits: np.ndarray


def in_digits(fan_out: np.ndarray) -> FanOut:
    """Digits of ``(inputs, 2)`` integers, the synapses of at least one input: those not zero, and all."""
    reached = fan_out[:, 1].astype(np.int64)
    zeros = reached - fan_out[:, 0].astype(np.int64)
    least = int(reached.min()) * _ANY + int(zeros.min()) * _ZERO
    common = [(np.ones(len(fan_out), dtype=bool), least)] if least else []
    parts = [*common, *_above(reached, _ANY), *_above(zeros, _ZERO)]
    blocks = max(1, -(-len(parts) // COLUMNS))
    worth = np.zeros(blocks * COLUMNS, dtype=np.int64)
    bits = np.zeros((1, len(fan_out), blocks * COLUMNS), dtype=bool)
    for column, (held, value) in enumerate(parts):
        worth[column], bits[0, :, column] = value, held
    words = pack(bits, np.arange(len(fan_out)))[0]
    return FanOut(worth, np.ascontiguousarray(words.reshape(blocks, COLUMNS, -1).transpose(0, 2, 1)))


@inlined
def driven(words: Any, n: int, t: int, fan_out: Any) -> int:
    """Synapses that ``words[n, t]`` drives, in the two halves of an integer as ``worth`` has them."""
    at = (n * words.shape[1] + t) * words.shape[2]
    return weigh_bits(words, at, words.shape[2], fan_out.digits, fan_out.worth, fan_out.digits.shape[0])


def _above(amounts: np.ndarray, unit: int) -> list[tuple[np.ndarray, int]]:
    """Binary digits of what lies above the least amount: who has each, and what it is worth."""
    above = amounts - amounts.min()
    together = int(np.gcd.reduce(above)) or 1
    digits = range(int(above.max() // together).bit_length())
    return [((above // together >> digit & 1).astype(bool), (together << digit) * unit) for digit in digits]
