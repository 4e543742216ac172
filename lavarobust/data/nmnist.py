"""N-MNIST: its own ``Train|Test/<digit>/<number>.bin``, or SLAYER's ``<number>.bs2`` with lists of labels.

Both are read from a folder or, without unpacking, from a zip file.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lavarobust.data.checks import check_size
from lavarobust.data.events import POLARITIES, EventFrames, event_frames, read_events
from lavarobust.data.files import FolderTree, Tree, ZipTree
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

CLASS_NAMES = tuple(str(digit) for digit in range(10))
SIDE = 34
DURATION = 300_000
"""Microseconds: three saccades of 100 ms (Orchard et al. 2015); recordings go on for some ms."""
SAMPLES = (60_000, 10_000)

_PATTERNS = ("Train/*/*.bin", "Test/*/*.bin", "*.bs2", "*.txt")
_STANDARD = re.compile(r"(Train|Test)/([0-9])/([0-9]{1,9})\.bin")
_LISTS = {"Train": re.compile(r"train\w*\.txt"), "Test": re.compile(r"test\w*\.txt")}
_LIST_LINE = re.compile(r"([0-9]{1,9})\s+([0-9])")
_REMEDY = (
    "Lay out N-MNIST's own files as Train/<digit>/<number>.bin and Test/<digit>/<number>.bin, or SLAYER's as "
    "<number>.bs2 with train*.txt and test*.txt, each line a number and its digit"
)

Sample = tuple[str, int]
"""A recording's name in its tree, and its digit."""


def has_nmnist(path: Path) -> bool:
    """Whether a folder or zip file holds recordings in one of the two layouts."""
    if path.is_dir():
        first = (next(path.glob(pattern), None) for pattern in _PATTERNS[:3])
        return any(found is not None for found in first)
    names = ZipTree(path).names if path.suffix.lower() == ".zip" and path.is_file() else ()
    return any(_STANDARD.fullmatch(name) or re.fullmatch(r"[0-9]+\.bs2", name) for name in names)


def nmnist_sources(path: Path, frames: EventFrames) -> tuple[Source, Source]:
    """Training and test part of a folder or zip file, each recording as ``(2, 34, 34, T)`` frames.

    Raises:
        DataError: neither layout, a recording that is missing or damaged, or a list that can't be read.
    """
    tree: Tree = FolderTree(path, _PATTERNS) if path.is_dir() else ZipTree(path)
    if any(_STANDARD.fullmatch(name) for name in tree.names):
        parts = {part: _standard(tree, part) for part in _LISTS}
    else:
        parts = {part: _listed(tree, part) for part in _LISTS}
    train, test = (_source(tree, parts[part], frames) for part in ("Train", "Test"))
    return train, test


def _standard(tree: Tree, part: str) -> list[Sample]:
    """In the order of their numbers, which are those of MNIST's own images, from 1."""
    found = [match for name in tree.names if (match := _STANDARD.fullmatch(name)) and match[1] == part]
    if not found:
        raise DataError(f"{tree.root}: holds no recording under {part}/<digit>. {_REMEDY}")
    return [(match[0], int(match[2])) for match in sorted(found, key=lambda match: int(match[3]))]


def _listed(tree: Tree, part: str) -> list[Sample]:
    lists = [name for name in tree.names if _LISTS[part].fullmatch(name)]
    if len(lists) != 1:
        raise DataError(
            f"{tree.root}: holds {len(lists)} files {part.lower()}*.txt ({', '.join(lists) or 'none'}) where "
            f"one is needed. {_REMEDY}"
        )
    (content,) = tree.read(lists)
    samples = []
    for number, line in enumerate(content.decode("utf-8", errors="replace").splitlines(), 1):
        if line.startswith("#") or not line.strip():
            continue
        match = _LIST_LINE.fullmatch(line.strip())
        if match is None:
            raise DataError(f"{tree.root}: {lists[0]} line {number} is {line!r:.80}. {_REMEDY}")
        samples.append((f"{int(match[1])}.bs2", int(match[2])))
    known = set(tree.names)
    missing = next((name for name, _ in samples if name not in known), None)
    if missing is not None or not samples:
        raise DataError(
            f"{tree.root}: {missing or 'a recording'} is missing, which {lists[0]} names. {_REMEDY}"
        )
    return samples


def _source(tree: Tree, samples: list[Sample], frames: EventFrames) -> Source:
    shape = (POLARITIES, SIDE, SIDE, frames.bins)
    check_size(4 * len(samples) * int(np.prod(shape)), tree.root)

    def pixels(indices: np.ndarray) -> np.ndarray:
        recordings = np.empty((indices.shape[0], *shape), np.float32)
        names = [samples[index][0] for index in indices]
        for row, (name, content) in enumerate(zip(names, tree.read(names), strict=True)):
            events = read_events(content, SIDE, f"{tree.root}: {name}")
            recordings[row] = event_frames(events, frames, SIDE, DURATION)
        return recordings

    return Source(np.array([digit for _, digit in samples], dtype=np.int64), pixels)
