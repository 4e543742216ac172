"""Images with their labels, and the three parts of a data set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lavarobust.errors import SettingsError


@dataclass(frozen=True, eq=False)
class Images:
    """N labelled images.

    Attributes:
        images: ``(N, C, H, W)`` float32, pixels in [0, 1]; of recordings of events ``(N, C, H, W, T)``,
            T frames in time order.
        labels: ``(N,)`` int64.
        indices: ``(N,)`` int64, each sample's place in the file or array it came from. It stays
            with the sample through every selection, so random draws can be keyed by it.
    """

    images: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    @property
    def samples(self) -> int:
        return int(self.labels.shape[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """``(C, H, W)`` of one image, ``(C, H, W, T)`` of a recording."""
        return self.images.shape[1:]

    def take(self, n: int) -> Images:
        """The first n samples (all of them where there are fewer)."""
        if n < 0:
            raise SettingsError(f"can't take {n} images. Give a number of at least 0")
        return Images(self.images[:n], self.labels[:n], self.indices[:n])

    def shard(self, i: int, n: int) -> Images:
        """Every n-th sample from sample i on: the n shards share none and leave none out."""
        if not 0 <= i < n:
            raise SettingsError(f"there is no shard {i} of {n}. Give a number from 0 to below {n}")
        return Images(self.images[i::n], self.labels[i::n], self.indices[i::n])

    def select(self, mask: np.ndarray) -> Images:
        """The samples where ``mask`` ``(N,)`` bool is True, in their order."""
        mask = np.asarray(mask)
        if mask.dtype != np.bool_ or mask.shape != self.labels.shape:
            raise SettingsError(
                f"the mask is {mask.dtype} {mask.shape}. Give one bool for each of the {self.samples} images"
            )
        return Images(self.images[mask], self.labels[mask], self.indices[mask])


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set in three parts that share no sample.

    Attributes:
        name: the name results carry.
        train, validation: two parts of the training samples, their indices counted in one sequence;
            ``validation`` is what a model may be selected on, and may be empty.
        test: for reporting only.
        class_names: in order of the labels.
        split: plain data that says how the parts were made (seed, sizes, sha256 of the indices),
            written into the run.
    """

    name: str
    train: Images
    validation: Images
    test: Images
    class_names: tuple[str, ...]
    split: Mapping[str, Any]
