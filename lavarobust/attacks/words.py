"""Random bits of attacks: keyed by what they are for and by the sample, and by nothing else."""

from __future__ import annotations

import hashlib

import numpy as np

from lavarobust.dynamics.philox import WORDS_PER_BLOCK, fill_words


def attack_words(indices: np.ndarray, seed: int, purpose: str, repetition: int, count: int) -> np.ndarray:
    """``(N, count)`` uint64 of random bits, each row that of :func:`lavarobust.draws.random_words`.

    The purpose keeps an attack from drawing the very numbers that a victim's encoder draws.

    Args:
        indices: ``(N,)`` each sample's index in its data set.
        seed: of the attack.
        purpose: which of the attack's draws.
        repetition: which of the independent draws for that purpose, from 0 on.
        count: words per sample.
    """
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    key = np.uint64(int.from_bytes(digest, "little"))
    blocks = -(-count // WORDS_PER_BLOCK)
    words = np.empty((len(indices), blocks * WORDS_PER_BLOCK), dtype=np.uint64)
    fill_words(key, np.uint64(0), np.uint64(repetition), indices.astype(np.uint64), words, 0, len(indices))
    return words[:, :count]


def attack_uniforms(indices: np.ndarray, seed: int, purpose: str, repetition: int, count: int) -> np.ndarray:
    """``(N, count)`` float64 in [0, 1): the upper 53 bits of each of :func:`attack_words`."""
    words = attack_words(indices, seed, purpose, repetition, count)
    uniform: np.ndarray = (words >> np.uint64(11)) * 2.0**-53
    return uniform
