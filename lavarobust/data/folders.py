"""Image files laid out as ``train|test/<class>/<file>``, in a folder or a zip file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from lavarobust.data.checks import check_size, reading
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

PARTS = ("train", "test")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".ppm", ".pgm")
LOSSY_SUFFIXES = (".jpg", ".jpeg")
FILE_BYTES_MAX = 1 << 26
"""64 MiB for one image file."""
SIDE_MAX = 4096
"""Pixels on a side of one image."""

_FORMATS = ("PNG", "JPEG", "BMP", "PPM")
_MODES = {"1": "L", "L": "L", "RGB": "RGB", "P": "RGB"}
_LAYOUT = "Lay the images out as train/<class>/<file> and test/<class>/<file>"
_ZIP_REMEDY = "Make the zip file again, without password, stored or deflated"


class FolderTree:
    """The files in a folder, down to ``train|test/<class>/<file>``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with reading(root, "Check the folder and its permissions"):
            self.names = sorted(
                path.relative_to(root).as_posix()
                for part in PARTS
                for pattern in (f"{part}/*", f"{part}/*/*")
                for path in root.glob(pattern)
            )

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        for name in names:
            path = self.root / name
            with reading(path, "Check the file and its permissions"):
                if path.stat().st_size > FILE_BYTES_MAX:
                    raise DataError(
                        f"{path}: is larger than the {FILE_BYTES_MAX} bytes of an image file. Remove it"
                    )
                content = path.read_bytes()
            yield content


class ZipTree:
    """The files in a zip file, read in place and never unpacked to disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        with reading(root, _ZIP_REMEDY), zipfile.ZipFile(root) as archive:
            files = [info for info in archive.infolist() if not info.filename.endswith("/")]
        self.names = sorted(info.filename for info in files)
        if len(set(self.names)) != len(self.names):
            raise DataError(f"{root}: holds two files of one name. {_ZIP_REMEDY}")
        # zipfile reads no more than the declared size, so these checks bound what unpacks.
        check_size(sum(info.file_size for info in files), root)
        for info in files:
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
                raise DataError(
                    f"{root}: {info.filename} is encrypted or packed by an unusual method. {_ZIP_REMEDY}"
                )
            if info.file_size > FILE_BYTES_MAX:
                raise DataError(
                    f"{root}: {info.filename} claims {info.file_size} bytes, more than the "
                    f"{FILE_BYTES_MAX} of an image file. Remove it"
                )

    def read(self, names: Iterable[str]) -> Iterator[bytes]:
        with reading(self.root, _ZIP_REMEDY), zipfile.ZipFile(self.root) as archive:
            for name in names:
                yield archive.read(name)


Tree = FolderTree | ZipTree


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
    tree: Tree = FolderTree(path) if path.is_dir() else ZipTree(path)
    parts = _by_part_and_class(tree)
    if "train" not in parts:
        raise DataError(f"{path}: holds no image under train/<class>. {_LAYOUT}")
    class_names = tuple(sorted(parts["train"]))
    unknown = sorted(set(parts.get("test", {})) - set(class_names))
    if unknown:
        raise DataError(f"{path}: test/{unknown[0]} is a class that train does not have. {_LAYOUT}")
    ordered = {part: _interleaved(classes, class_names) for part, classes in parts.items()}
    first = _decode(
        next(iter(tree.read([ordered["train"][0][0]]))), f"{path}: {ordered['train'][0][0]}", None
    )
    sources = {part: _source(tree, samples, first) for part, samples in ordered.items()}
    lossy = any(name.lower().endswith(LOSSY_SUFFIXES) for samples in ordered.values() for name, _ in samples)
    return sources["train"], sources.get("test"), class_names, lossy


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


def _interleaved(classes: dict[str, list[str]], class_names: tuple[str, ...]) -> list[tuple[str, int]]:
    ranked = [
        (rank, label, name)
        for label, class_name in enumerate(class_names)
        for rank, name in enumerate(classes.get(class_name, ()))
    ]
    return [(name, label) for _, label, name in sorted(ranked)]


def _source(tree: Tree, samples: list[tuple[str, int]], first: np.ndarray) -> Source:
    check_size(len(samples) * first.size, tree.root)

    def pixels(indices: np.ndarray) -> np.ndarray:
        images = np.empty((indices.shape[0], *first.shape), np.uint8)
        names = [samples[index][0] for index in indices]
        for row, (name, content) in enumerate(zip(names, tree.read(names), strict=True)):
            images[row] = _decode(content, f"{tree.root}: {name}", first.shape)
        return images

    return Source(np.array([label for _, label in samples], dtype=np.int64), pixels)


def _decode(content: bytes, where: str, shape: tuple[int, ...] | None) -> np.ndarray:
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
            if mode not in _MODES:
                raise DataError(f"{where}: has the colour mode {mode}. Save it as 8-bit grey or RGB")
            if max(width, height) > SIDE_MAX:
                raise DataError(
                    f"{where}: is {width} x {height} pixels, more than {SIDE_MAX} on a side. Resize it"
                )
            # Compared before decoding: the header alone says how much memory an image takes.
            found = (1 if _MODES[mode] == "L" else 3, height, width)
            if shape is not None and found != shape:
                raise DataError(
                    f"{where}: is {found} in channels, height and width, and the first image is {shape}. "
                    "Give all images one size, all grey or all RGB"
                )
            pixels = np.asarray(image.convert(_MODES[mode]))
    except DataError:
        raise
    except Exception as error:  # Pillow's readers raise almost anything on damaged files.
        raise DataError(
            f"{where}: can't be read as an image ({error}). Replace or remove the file"
        ) from error
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
