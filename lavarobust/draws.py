"""Random bits that depend on nothing but their keys: not on a batch, its order or its size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.errors import SettingsError

_KEY_LIMIT = 1 << 64


@dataclass(frozen=True, eq=False)
class Keys:
    """Whose draws: they belong to the sample, so that batch, order and restart change none.

    Attributes:
        indices: ``(N,)`` integers, each sample's index in its data set.
        draw: which of the independent repetitions.
    """

    indices: np.ndarray
    draw: int = 0

    def taken(self, which: slice | np.ndarray) -> Keys:
        """Those of some samples."""
        return Keys(self.indices[which], self.draw)


def random_words(seed: int, index: int, draw: int, count: int, stream: int = 0) -> np.ndarray:
    """``(count,)`` uint64 of random bits, the same for ever for the same keys.

    The raw output of Philox 4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
    SC 2011) with key (seed, index) and the counter's upper words (stream, draw). Raw bits are used
    because numpy promises to keep those, and not what its ``Generator`` makes of them. Asking for more
    words leaves the first ones as they are.

    Args:
        seed: of everything that is random in a model or an attack.
        index: of the sample in its data set.
        draw: which of the independent repetitions.
        count: words.
        stream: who draws: 0 for an encoder, a layer's own number for its gate.

    Raises:
        SettingsError: a key is not in 0 .. 2**64 - 1.
    """
    for name, value in (("seed", seed), ("index", index), ("draw", draw), ("stream", stream)):
        check_key(name, value)
    key = np.array([seed, index], dtype=np.uint64)
    counter = np.array([0, 0, stream, draw], dtype=np.uint64)
    words: np.ndarray = np.random.Philox(key=key, counter=counter).random_raw(count)
    return words


def check_key(name: str, value: int) -> None:
    """Raises SettingsError unless a key is in 0 .. 2**64 - 1."""
    if not 0 <= value < _KEY_LIMIT:
        raise SettingsError(f"{name} of a random draw is {value}. Give an integer from 0 to 2**64 - 1")
