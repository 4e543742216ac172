"""Uniform draws that depend on the sample alone: not on the batch, its order or its size."""

from __future__ import annotations

import numpy as np

from lavarobust.errors import SettingsError

_KEY_LIMIT = 1 << 64


def uniform_draws(seed: int, index: int, draw: int, count: int) -> np.ndarray:
    """``(count,)`` float64 in [0, 1), the same for ever for the same seed, index and draw.

    The raw bits of Philox 4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
    SC 2011) with key (seed, index) and ``draw`` as highest word of the counter; the upper 53 bits
    of each word make one number. Bits are used because numpy promises to keep those, and not what
    its ``Generator`` makes of them. Asking for more draws leaves the first ones as they are.

    Raises:
        SettingsError: seed, index or draw is not in 0 .. 2**64 - 1.
    """
    for name, value in (("seed", seed), ("index", index), ("draw", draw)):
        if not 0 <= value < _KEY_LIMIT:
            raise SettingsError(f"{name} of a random draw is {value}. Give an integer from 0 to 2**64 - 1")
    key = np.array([seed, index], dtype=np.uint64)
    counter = np.array([0, 0, 0, draw], dtype=np.uint64)
    bits = np.random.Philox(key=key, counter=counter).random_raw(count)
    uniform: np.ndarray = (bits >> np.uint64(11)) * 2.0**-53
    return uniform
