"""One call for every data set, by name or by path."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lavarobust.data import digits, folders
from lavarobust.data.arrays import from_arrays, read_npy, read_npz
from lavarobust.data.cifar import CIFAR10, CIFAR100, refuse_pickles
from lavarobust.data.events import EventFrames
from lavarobust.data.images import DataSet
from lavarobust.data.known import KNOWN, Content
from lavarobust.data.splits import assemble
from lavarobust.errors import DataError

ROOT_VARIABLE = "LAVAROBUST_DATA"
NAMES = ("digits", *KNOWN)
"""Data sets that are known by name."""
PAIR = ("images.npy", "labels.npy", "test_images.npy", "test_labels.npy")
"""A folder's own arrays; the test part is optional."""

_WHERE = f"with --data-root FOLDER or the environment variable {ROOT_VARIABLE}"


def load(
    name_or_path: str | Path,
    *,
    root: str | Path | None = None,
    name: str | None = None,
    validation: float = 0.1,
    seed: int = 0,
    limit: int | None = None,
    frames: EventFrames | None = None,
) -> DataSet:
    """A data set, split into training, validation and test part.

    Args:
        name_or_path: one of ``NAMES``, or the path (from here or from ``root``) of such a data set, of a
            .npz file, of a folder with ``images.npy`` and ``labels.npy``, or of a folder or zip file
            with images as ``train|test/<class>/<file>``.
        root: folder that holds the data sets' files; else the environment variable
            ``LAVAROBUST_DATA``. They may lie in it or in a folder below it that :mod:`.known` names.
        name: the name that results carry; else the data set's own, or the file's.
        validation: share of the training samples, stratified by class.
        seed: of the split. Digits and arrays without a test part have theirs drawn with it.
        limit: at most so many samples in each of the three parts.
        frames: what recordings of events become; needed for them, and left alone by images.

    Raises:
        DataError: missing, malformed or refused files; says what to put where.
        SettingsError: an impossible share, seed or limit, or recordings without ``frames``.
    """
    wanted = str(name_or_path)
    keywords: dict[str, Any] = {"validation": validation, "seed": seed, "limit": limit}
    if wanted == "digits":
        return assemble(name or "digits", digits.CLASS_NAMES, digits.digits_source(), **keywords)
    base = _root(root)
    found = _known(wanted, base, frames) if wanted in KNOWN else _find(wanted, base)
    if isinstance(found, Path):
        return _path(found, name, frames, keywords)
    return _assembled(found, name, keywords)


def _root(root: str | Path | None) -> Path | None:
    given = root if root is not None else os.environ.get(ROOT_VARIABLE) or None
    if given is None:
        return None
    path = Path(given).expanduser()
    if not path.is_dir():
        raise DataError(f"{path}: no such folder. Name the folder of the data sets {_WHERE}")
    return path


def _known(wanted: str, root: Path | None, frames: EventFrames | None) -> Content | Path:
    """What a data set's own files hold; for cifar10 as image files, their path."""
    if root is None:
        raise DataError(
            f"{wanted}: its files are not part of the package. Name the folder that holds them {_WHERE}"
        )
    known = KNOWN[wanted]
    found = known.find(root)
    if found is not None:
        return known.content(found, frames)
    instead = ""
    if wanted == "cifar10":
        for path in (root / "cifar10", root / "cifar10.zip"):
            if path.is_file() or (path / "train").is_dir():
                return path
        instead = ", or images as cifar10.zip or cifar10/ with train|test/<class>/<file>"
    for folder in (*known.candidates(root), root / "cifar-10-batches-py", root / "cifar-100-python"):
        _refuse_pickles(folder)
    raise DataError(
        f"{wanted}: not found in {', '.join(map(str, known.candidates(root)))}. Put {known.wanted} "
        f"there{instead}, or name another folder {_WHERE}"
    )


def _refuse_pickles(folder: Path) -> None:
    for version in (CIFAR10, CIFAR100):
        refuse_pickles(folder, version)


def _assembled(content: Content, name: str | None, keywords: dict[str, Any]) -> DataSet:
    title, train, test, class_names = content
    return assemble(name or title, class_names, train, test, **keywords)


def _find(wanted: str, root: Path | None) -> Path:
    given = Path(wanted).expanduser()
    candidates = [given]
    if root is not None:
        candidates += [root / given, root / (wanted + ".zip"), root / (wanted + ".npz")]
    for path in candidates:
        if wanted and path.exists():
            return path
    raise DataError(
        f"{wanted}: no such data set. Choose one of {', '.join(NAMES)}, or give the path of a .npz file, "
        "of a folder with images.npy and labels.npy, or of a folder or zip file with "
        f"train|test/<class>/<file>; paths may start in the folder named {_WHERE}"
    )


def _path(path: Path, name: str | None, frames: EventFrames | None, keywords: dict[str, Any]) -> DataSet:
    for known in KNOWN.values():
        if known.is_in(path):
            return _assembled(known.content(path, frames), name, keywords)
    if path.is_dir():
        _refuse_pickles(path)
        if (path / PAIR[0]).is_file():
            return _array_folder(path, name, keywords)
        return _image_files(path, name, keywords)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        arrays: dict[str, Any] = read_npz(path)
        return from_arrays(**arrays, name=name or path.stem, **keywords)
    if suffix == ".zip":
        return _image_files(path, name, keywords)
    if suffix == ".npy":
        raise DataError(
            f"{path}: one .npy file holds images or labels. Name both --images and --labels, "
            f"or give a folder that holds {PAIR[0]} and {PAIR[1]}"
        )
    _refuse_pickles(path.parent)
    raise DataError(f"{path}: is no data set file that is known. Give a .npz or .zip file, or a folder")


def _array_folder(path: Path, name: str | None, keywords: dict[str, Any]) -> DataSet:
    wanted = PAIR if (path / PAIR[2]).is_file() or (path / PAIR[3]).is_file() else PAIR[:2]
    for file in wanted:
        if not (path / file).is_file():
            raise DataError(f"{path / file}: is missing. Put it beside {PAIR[0]}")
    images, labels, *test = (read_npy(path / file) for file in wanted)
    test_images, test_labels = test or (None, None)
    return from_arrays(
        images, labels, test_images=test_images, test_labels=test_labels, name=name or path.name, **keywords
    )


def _image_files(path: Path, name: str | None, keywords: dict[str, Any]) -> DataSet:
    train, test, class_names, lossy = folders.image_sources(path)
    return assemble(name or _title(path, lossy), class_names, train, test, **keywords)


def _title(path: Path, lossy: bool) -> str:
    """The file's name; CIFAR-10 as JPEG files must not pass for CIFAR-10."""
    stem = path.name if path.is_dir() else path.stem
    if stem.lower().replace("-", "").replace("_", "") in ("cifar10", "cifar10jpeg"):
        return "CIFAR-10-JPEG" if lossy else "CIFAR-10"
    return stem
