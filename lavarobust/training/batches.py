"""The order of images and the draws of one epoch, keyed by seed and epoch alone.

So a run that is resumed at an epoch needs no generator's state to go on with the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch

from lavarobust.encoding.draws import uniform_draws
from lavarobust.training.evaluation import Examples


def epoch_batches(
    examples: Examples, size: int, seed: int, epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, np.ndarray]]:
    """Images ``(n, C, H, W)``, labels and data-set indices ``(n,)`` of an epoch's batches.

    Each image comes once, in an order of the epoch's own; the last batch may be smaller. Random
    augmentation, keyed the same way, belongs here.
    """
    draws = uniform_draws(_key(seed, epoch, "order"), 0, 0, len(examples.labels))
    order = np.argsort(draws, kind="stable")
    for start in range(0, len(order), size):
        part = order[start : start + size]
        images, labels = torch.from_numpy(examples.images[part]), torch.from_numpy(examples.labels[part])
        yield images, labels, examples.indices[part]


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """The generator of everything that an objective draws in an epoch."""
    return torch.Generator().manual_seed(_key(seed, epoch, "objective"))


def _key(seed: int, epoch: int, purpose: str) -> int:
    """A 63-bit key of its own for every purpose and epoch of a seed."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
