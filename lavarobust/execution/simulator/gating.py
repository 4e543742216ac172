"""Stochastic gates on packed spikes: those whose draw is too high are taken out and no longer counted."""

from __future__ import annotations

from functools import partial

import numpy as np

from lavarobust.draws import Keys
from lavarobust.dynamics.compiled import compiled
from lavarobust.dynamics.gate import gate_draws
from lavarobust.dynamics.sharing import share_out
from lavarobust.execution.simulator.integers import Sent
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.vectors import WORD, set_bits
from lavarobust.netx.model import Gate, Shape

_SPIKES = 3
"""Among a layer's counts."""


def pass_gate(sent: Sent, gate: Gate, shape: Shape, keys: Keys) -> Sent:
    """What is left of a population's spikes behind its gate; ``sent`` itself is changed.

    Args:
        shape: of the population.
        keys: of the chunk's samples.
    """
    draws = gate_draws(gate.seed, gate.stream, keys, sent.words.shape[1], gate.opening.size)
    order = positions(shape)
    close = partial(_close, sent.words, order, draws, gate.opening[order], sent.counts[_SPIKES])
    share_out(close, len(sent.words))
    return sent


@compiled
def _close(
    words: np.ndarray,
    order: np.ndarray,
    draws: np.ndarray,
    opening: np.ndarray,
    counts: np.ndarray,
    start: int,
    stop: int,
) -> None:
    for n in range(start, stop):
        for t in range(words.shape[1]):
            sent = 0
            for w in range(words.shape[2]):
                fired = words[n, t, w]
                if fired:
                    first, passing = w * WORD, np.uint64(0)
                    for bit in range(min(WORD, len(order) - first)):
                        opens = draws[n, t, order[first + bit]] < opening[first + bit]
                        passing |= np.uint64(opens) << np.uint64(bit)
                    words[n, t, w] = fired & passing
                    sent += set_bits(fired & passing)
            counts[n, t] = sent
