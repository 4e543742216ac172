"""Populations in (H, W, C) order, as the fast engine holds them, and in (C, H, W) order, as files do."""

from __future__ import annotations

from math import prod

import numpy as np

from lavarobust.dynamics.compiled import compiled
from lavarobust.execution.simulator.vectors import WORD
from lavarobust.netx.model import Shape


def positions(shape: Shape) -> np.ndarray:
    """``(n,)`` int64: the (C, H, W) index of each neuron in (H, W, C) order; 1-D shapes keep theirs."""
    index = np.arange(prod(shape)).reshape(shape)
    return (index.transpose(1, 2, 0) if len(shape) == 3 else index).reshape(-1)


def words_of(neurons: int) -> int:
    """Words of 64 spikes that a population fills."""
    return -(-neurons // WORD)


def pack(frames: np.ndarray, order: np.ndarray) -> np.ndarray:
    """``(N, F, W)`` uint64 of zeros and ones ``(N, *shape, F)``, neurons in the order given."""
    samples, steps = len(frames), frames.shape[-1]
    words = np.zeros((samples, steps, words_of(len(order))), dtype=np.uint64)
    _pack(frames.reshape(samples, -1, steps), order, words)
    return words


def unpack(words: np.ndarray, shape: Shape) -> np.ndarray:
    """``(N, *shape, T)`` uint8 in (C, H, W) order of words ``(N, T, W)``."""
    bits = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little", count=prod(shape))
    if len(shape) < 3:
        return np.ascontiguousarray(np.moveaxis(bits.reshape(*words.shape[:2], *shape), 1, -1))
    channels, height, width = shape
    return np.ascontiguousarray(
        bits.reshape(*words.shape[:2], height, width, channels).transpose(0, 4, 2, 3, 1)
    )


def values(frames: np.ndarray, order: np.ndarray) -> np.ndarray:
    """``(N, F, inputs)`` int32 of frames ``(N, *shape, F)``, inputs in the order given."""
    flat = frames.reshape(len(frames), -1, frames.shape[-1])
    return np.ascontiguousarray(flat[:, order].transpose(0, 2, 1), dtype=np.int32)


@compiled
def _pack(frames: np.ndarray, order: np.ndarray, words: np.ndarray) -> None:
    for n in range(frames.shape[0]):
        for k in range(len(order)):
            word, bit = k // WORD, np.uint64(k % WORD)
            for t in range(frames.shape[2]):
                words[n, t, word] |= np.uint64(frames[n, order[k], t] != 0) << bit
