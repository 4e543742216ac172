"""Stochastic gates on packed spikes: those whose draw is too high are taken out and no longer counted."""

from __future__ import annotations

import numpy as np

from lavarobust.draws import Keys
from lavarobust.dynamics.compiled import compiled
from lavarobust.dynamics.gate import gate_draws
from lavarobust.execution.simulator.integers import Sent
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.vectors import WORD
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
    _close(sent.words, positions(shape), draws, gate.opening, sent.counts[_SPIKES])
    return sent


@compiled
def _close(
    words: np.ndarray, order: np.ndarray, draws: np.ndarray, opening: np.ndarray, counts: np.ndarray
) -> None:
    one = np.uint64(1)
    for n in range(words.shape[0]):
        for t in range(words.shape[1]):
            for w in range(words.shape[2]):
                left = word = words[n, t, w]
                bit = 0
                while left:
                    if left & one:
                        neuron = order[w * WORD + bit]
                        if draws[n, t, neuron] >= opening[neuron]:
                            word ^= one << np.uint64(bit)
                            counts[n, t] -= 1
                    left >>= one
                    bit += 1
                words[n, t, w] = word
