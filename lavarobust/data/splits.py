"""Seeded splits, made from raw generator bits so that no numpy version changes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lavarobust.data.images import DataSet, Images
from lavarobust.errors import DataError, SettingsError


@dataclass(frozen=True, eq=False)
class Source:
    """Labels of all samples of a file, and a way to get the pixels of some of them.

    Attributes:
        labels: ``(N,)`` int64.
        pixels: from ``(n,)`` indices to ``(n, C, H, W)`` uint8, or float32 in [0, 1]; samples that
            nobody asks for are never decoded or converted.
    """

    labels: np.ndarray
    pixels: Callable[[np.ndarray], np.ndarray]

    def images(self, indices: np.ndarray) -> Images:
        pixels = self.pixels(indices)
        if pixels.dtype == np.uint8:
            pixels = pixels.astype(np.float32)
            pixels /= np.float32(255)
        return Images(pixels, self.labels[indices], indices)


def permutation(count: int, seed: int, purpose: str) -> np.ndarray:
    """A random order of ``count`` items, ``(count,)`` int64; each purpose has its own draws.

    numpy promises stable bits for its bit generators but not for ``Generator.permutation``.
    """
    bits = np.random.PCG64([seed, *purpose.encode()]).random_raw(count)
    return np.argsort(bits, kind="stable").astype(np.int64)


def stratified(labels: np.ndarray, share: float, seed: int, purpose: str) -> np.ndarray:
    """Mask ``(N,)`` bool of a random ``round(share * N)`` samples with every class in proportion.

    What rounding leaves over goes to the classes with the largest remainder.
    """
    count = labels.shape[0]
    total = round(share * count)
    classes, members = np.unique(labels, return_counts=True)
    quota, remainder = np.divmod(members * total, max(count, 1))
    quota[np.argsort(-remainder, kind="stable")[: total - int(quota.sum())]] += 1
    chosen = np.zeros(count, dtype=bool)
    order = permutation(count, seed, purpose)
    ordered_labels = labels[order]
    for label, size in zip(classes, quota, strict=True):
        chosen[order[ordered_labels == label][:size]] = True
    return chosen


def _limited(indices: np.ndarray, limit: int | None, seed: int, purpose: str) -> np.ndarray:
    if limit is None or indices.shape[0] <= limit:
        return indices
    return np.sort(indices[permutation(indices.shape[0], seed, purpose)[:limit]])


def _is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _check_settings(validation: float, test: float, seed: int, limit: int | None) -> None:
    if not 0 <= validation < 1:
        raise SettingsError(
            f"validation is {validation}. Give a share of the training samples from 0 to below 1"
        )
    if not 0 < test < 1:
        raise SettingsError(f"test is {test}. Give a share of the samples between 0 and 1")
    if not _is_integer(seed) or seed < 0:
        raise SettingsError(f"seed of the split is {seed!r}. Give an integer of at least 0")
    if limit is not None and (not _is_integer(limit) or limit < 1):
        raise SettingsError(f"limit is {limit!r}. Give a number of samples of at least 1, or none for all")


def _part(indices: np.ndarray, made: str) -> dict[str, Any]:
    digest = hashlib.sha256(indices.astype("<i8").tobytes()).hexdigest()
    return {"samples": int(indices.shape[0]), "made": made, "indices_sha256": digest}


def assemble(
    name: str,
    class_names: tuple[str, ...],
    source: Source,
    test_source: Source | None = None,
    *,
    validation: float = 0.1,
    test: float = 0.3,
    seed: int = 0,
    limit: int | None = None,
) -> DataSet:
    """A data set in three parts, samples of each in the order of their file.

    Args:
        source: the training samples, or all samples where there is no test source.
        test_source: the data set's own test part; else a stratified share ``test`` is held out.
        validation: share of the training samples, stratified.
        seed: of every draw here. Another seed is another split: where the test part is held out,
            keep the seed that the model was trained with.
        limit: at most so many samples in each part, drawn after the split, so that no limit moves
            a sample from one part to another.

    Raises:
        SettingsError: an impossible share, seed or limit.
        DataError: no training or no test sample is left.
    """
    _check_settings(validation, test, seed, limit)
    everything = np.arange(source.labels.shape[0], dtype=np.int64)
    if test_source is None:
        held_out = stratified(source.labels, test, seed, "test")
        training, test_indices = everything[~held_out], everything[held_out]
        test_made = f"share {test} of all samples, stratified by class, seeded"
    else:
        training, test_indices = everything, np.arange(test_source.labels.shape[0], dtype=np.int64)
        test_made = "the data set's own test part"
    validating = stratified(source.labels[training], validation, seed, "validation")
    parts = {
        "train": (training[~validating], "the training samples that are not in validation"),
        "validation": (
            training[validating],
            f"share {validation} of the training samples, stratified by class, seeded",
        ),
        "test": (test_indices, test_made),
    }
    limited = {part: _limited(indices, limit, seed, "limit " + part) for part, (indices, _) in parts.items()}
    for part in ("train", "test"):
        if limited[part].size == 0:
            raise DataError(
                f"{name}: no sample is left for {part} out of {everything.size} samples. "
                "Give more samples, or a smaller share to the other parts"
            )
    split: dict[str, Any] = {"seed": int(seed), "limit": None if limit is None else int(limit)}
    split.update({part: _part(limited[part], made) for part, (_, made) in parts.items()})
    return DataSet(
        name=name,
        train=source.images(limited["train"]),
        validation=source.images(limited["validation"]),
        test=(source if test_source is None else test_source).images(limited["test"]),
        class_names=class_names,
        split=split,
    )
