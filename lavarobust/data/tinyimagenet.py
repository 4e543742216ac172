"""TinyImageNet's folder (cs231n.stanford.edu, tiny-imagenet-200): 200 classes, 64 x 64 JPEG files."""

from __future__ import annotations

import re
from pathlib import Path

from lavarobust.data.checks import reading
from lavarobust.data.files import FolderTree
from lavarobust.data.folders import IN_COLOUR, Sample, image_source
from lavarobust.data.splits import Source
from lavarobust.errors import DataError

CLASSES_FILE = "wnids.txt"
ANNOTATIONS = "val/val_annotations.txt"

_PATTERNS = ("train/*/images/*.JPEG", "val/images/*.JPEG")
_TRAIN_NAME = re.compile(r"train/([^/]+)/images/[^/]+")
_REMEDY = (
    f"Unpack tiny-imagenet-200.zip: {CLASSES_FILE}, train/<class>/images/*.JPEG, val/images/*.JPEG and "
    f"{ANNOTATIONS}"
)


def has_tinyimagenet(folder: Path) -> bool:
    """Whether a folder holds the list of classes and the annotations."""
    return (folder / CLASSES_FILE).is_file() and (folder / ANNOTATIONS).is_file()


def tinyimagenet_sources(folder: Path) -> tuple[Source, Source, tuple[str, ...]]:
    """Training part, validation part as test part (the test part's labels were never published), classes.

    Classes are WordNet ids in alphabetical order. Grey files become RGB.

    Raises:
        DataError: another layout, or an image that can't be read or differs in size.
    """
    class_names = tuple(sorted(_lines(folder / CLASSES_FILE)))
    labels = {name: label for label, name in enumerate(class_names)}
    if not labels or len(labels) != len(class_names):
        raise DataError(f"{folder / CLASSES_FILE}: names no class, or one twice. {_REMEDY}")
    tree = FolderTree(folder, _PATTERNS)
    train, first = image_source(tree, _training(tree, labels), None, IN_COLOUR)
    test, _ = image_source(tree, _validation(tree, labels), first, IN_COLOUR)
    return train, test, class_names


def _training(tree: FolderTree, labels: dict[str, int]) -> list[Sample]:
    matches = [match for name in tree.names if (match := _TRAIN_NAME.fullmatch(name))]
    unknown = next((match[0] for match in matches if match[1] not in labels), None)
    if unknown is not None or not matches:
        raise DataError(
            f"{tree.root}: {unknown or 'train'} is of no class that {CLASSES_FILE} names. {_REMEDY}"
        )
    return [(match[0], labels[match[1]]) for match in matches]


def _validation(tree: FolderTree, labels: dict[str, int]) -> list[Sample]:
    path, known = tree.root / ANNOTATIONS, set(tree.names)
    samples = []
    for number, line in enumerate(_lines(path), 1):
        name, _, rest = line.partition("\t")
        name, class_name = f"val/images/{name}", rest.split("\t")[0]
        if class_name not in labels or name not in known:
            raise DataError(
                f"{path}: line {number} names {name} of class {class_name!r:.80}, and one of them is not "
                f"there. {_REMEDY}"
            )
        samples.append((name, labels[class_name]))
    if not samples:
        raise DataError(f"{path}: names no image. {_REMEDY}")
    return samples


def _lines(path: Path) -> list[str]:
    with reading(path, _REMEDY):
        lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip()]
