"""Image files laid out as ``train|test/<class>/<file>``, in a folder or a zip file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from lavarobust.data.checks import check_size
from lavarobust.data.files import FolderTree, Tree, ZipTree
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

PARTS = ("train", "test")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm")
LOSSY_SUFFIXES = (".jpg", ".jpeg")
SIDE_MAX = 4096
"""Pixels on a side of one image."""

_FORMATS = ("PNG", "JPEG", "BMP", "PPM")
_PATTERNS = tuple(f"{part}/{below}" for part in PARTS for below in ("*", "*/*"))
_LAYOUT = "Lay the images out as train/<class>/<file> and test/<class>/<file>"

AS_SAVED = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB"}
"""Pillow's colour modes that are read, and what each becomes."""
IN_COLOUR = dict.fromkeys(AS_SAVED, "RGB")

Sample = tuple[str, int]
"""An image's name in its tree, and its class."""


def image_sources(path: Path) -> tuple[Source, Source | None, tuple[str, ...], bool]:
    """The image files of a folder or a zip file; what lies outside train and test is left alone.

    Samples are in turn the first file of every class, the second file of every class, and so on,
    so that the first n samples hold every class.

    Returns:
        training part, test part (None where there is no ``test``), class names in alphabetical
        order, and whether any file is a JPEG (lossy).

    Raises:
        DataError: another layout, no images, or an image that can't be read, differs in size or
            is neither grey nor RGB.
    """
    tree: Tree = FolderTree(path, _PATTERNS) if path.is_dir() else ZipTree(path)
    parts = _by_part_and_class(tree)
    if "train" not in parts:
        raise DataError(f"{path}: holds no image under train/<class>. {_LAYOUT}")
    class_names = tuple(sorted(parts["train"]))
    unknown = sorted(set(parts.get("test", {})) - set(class_names))
    if unknown:
        raise DataError(f"{path}: test/{unknown[0]} is a class that train does not have. {_LAYOUT}")
    ordered = {part: _interleaved(classes, class_names) for part, classes in parts.items()}
    train, shape = image_source(tree, ordered["train"], None, AS_SAVED)
    test = image_source(tree, ordered["test"], shape, AS_SAVED)[0] if "test" in ordered else None
    lossy = any(name.lower().endswith(LOSSY_SUFFIXES) for samples in ordered.values() for name, _ in samples)
    return train, test, class_names, lossy


def _by_part_and_class(tree: Tree) -> dict[str, dict[str, list[str]]]:
    parts: dict[str, dict[str, list[str]]] = {}
    for name in tree.names:
        place = PurePosixPath(name).parts
        if not place or place[0] not in PARTS or any(step.startswith(".") for step in place):
            continue
        image = name.lower().endswith(SUFFIXES)
        if len(place) == 3 and image:
            parts.setdefault(place[0], {}).setdefault(place[1], []).append(name)
        elif image or len(place) >= 3:
            raise DataError(
                f"{tree.root}: {name} is not an image under train/<class> or test/<class>. {_LAYOUT} "
                f"({', '.join(SUFFIXES)}), and keep other files out"
            )
    return parts


def _interleaved(classes: dict[str, list[str]], class_names: tuple[str, ...]) -> list[Sample]:
    ranked = [
        (rank, label, name)
        for label, class_name in enumerate(class_names)
        for rank, name in enumerate(classes.get(class_name, ()))
    ]
    return [(name, label) for _, label, name in sorted(ranked)]


def image_source(
    tree: Tree, samples: list[Sample], shape: tuple[int, ...] | None, modes: Mapping[str, str]
) -> tuple[Source, tuple[int, ...]]:
    """Image files as a source, with the one ``(C, H, W)`` of them all.

    Args:
        tree: where the files lie.
        samples: at least one.
        shape: that they must have; None for the first one's.
        modes: ``AS_SAVED`` or ``IN_COLOUR``.
    """
    if shape is None:
        (content,) = tree.read([samples[0][0]])
        shape = _decode(content, f"{tree.root}: {samples[0][0]}", None, modes).shape
    found = shape
    check_size(len(samples) * int(np.prod(found)), tree.root)

    def pixels(indices: np.ndarray) -> np.ndarray:
        images = np.empty((indices.shape[0], *found), np.uint8)
        names = [samples[index][0] for index in indices]
        for row, (name, content) in enumerate(zip(names, tree.read(names), strict=True)):
            images[row] = _decode(content, f"{tree.root}: {name}", found, modes)
        return images

    return Source(np.array([label for _, label in samples], dtype=np.int64), pixels), found


def _decode(
    content: bytes, where: str, shape: tuple[int, ...] | None, modes: Mapping[str, str]
) -> np.ndarray:
    """``(C, H, W)`` uint8 of one image file, which must have that shape where one is given."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError(
            f"{where}: reading image files needs Pillow. Install it: pip install pillow"
        ) from error
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            mode, (width, height) = image.mode, image.size
            if mode not in modes:
                raise DataError(f"{where}: has the colour mode {mode}. Save it as 8-bit grey or RGB")
            if max(width, height) > SIDE_MAX:
                raise DataError(
                    f"{where}: is {width} x {height} pixels, more than {SIDE_MAX} on a side. Resize it"
                )
            # Compared before decoding: the header alone says how much memory an image takes.
            found = (1 if modes[mode] == "L" else 3, height, width)
            if shape is not None and found != shape:
                raise DataError(
                    f"{where}: is {found} in channels, height and width, and the first image is {shape}. "
                    "Give all images one size, all grey or all RGB"
                )
            pixels = np.asarray(image.convert(modes[mode]))
    except DataError:
        raise
    except Exception as error:  # Pillow's readers raise almost anything on damaged files.
        raise DataError(
            f"{where}: can't be read as an image ({error}). Replace or remove the file"
        ) from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
