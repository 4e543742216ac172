"""Uniform draws that depend on the sample alone: not on the batch, its order or its size."""

from __future__ import annotations

import numpy as np

from lavarobust.draws import random_words


def uniform_draws(seed: int, index: int, draw: int, count: int) -> np.ndarray:
    """``(count,)`` float64 in [0, 1): the upper 53 bits of each of :func:`lavarobust.draws.random_words`.

    Raises:
        SettingsError: seed, index or draw is not in 0 .. 2**64 - 1.
    """
    words = random_words(seed, index, draw, count)
    uniform: np.ndarray = (words >> np.uint64(11)) * 2.0**-53
    return uniform
