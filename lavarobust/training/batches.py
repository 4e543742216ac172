"""The order of images and the draws of one epoch, keyed by seed and epoch alone.

So a run that is resumed at an epoch needs no generator's state to go on with the same bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import torch

from lavarobust.encoding.draws import uniform_draws
from lavarobust.training.augmentation import Augmentation, augmented
from lavarobust.training.evaluation import Examples


def epoch_batches(
    examples: Examples,
    size: int,
    seed: int,
    epoch: int,
    augmentation: Augmentation = Augmentation(),  # noqa: B008
) -> Iterator[tuple[torch.Tensor, torch.Tensor, np.ndarray]]:
    """Images ``(n, C, H, W)``, labels and data-set indices ``(n,)`` of an epoch's batches.

    Each image comes once, augmented, in an order of the epoch's own; the last batch may be smaller.
    """
    key = _key(seed, epoch, "augmentation")
    draws = uniform_draws(_key(seed, epoch, "order"), 0, 0, len(examples.labels))
    order = np.argsort(draws, kind="stable")
    for start in range(0, len(order), size):
        part = order[start : start + size]
        images = augmented(examples.images[part], augmentation, key, examples.indices[part])
        yield torch.from_numpy(images), torch.from_numpy(examples.labels[part]), examples.indices[part]


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """The generator of everything that an objective draws in an epoch."""
    return torch.Generator().manual_seed(_key(seed, epoch, "objective"))


def _key(seed: int, epoch: int, purpose: str) -> int:
    """A 63-bit key of its own for every purpose and epoch of a seed."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
