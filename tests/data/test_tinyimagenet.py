"""TinyImageNet's folder in its own layout, with tiny images, whole and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lavarobust.data import load
from lavarobust.errors import DataError

CLASSES = ("n02", "n01", "n03")


def save(path: Path, grey: int, mode: str = "RGB", side: int = 8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (side, side) if mode == "L" else (side, side, 3)
    Image.fromarray(np.full(shape, grey, np.uint8), mode).save(path, format="JPEG", quality=100)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two training images per class, the class's place in CLASSES times 50 as grey; three to validate."""
    below = tmp_path / "tiny-imagenet-200"
    for place, name in enumerate(CLASSES):
        for number in range(2):
            save(below / "train" / name / "images" / f"{name}_{number}.JPEG", 50 * place)
        (below / "train" / name / f"{name}_boxes.txt").write_text("boxes")
    lines = []
    for number, name in enumerate(("n03", "n01", "n02")):
        save(below / "val" / "images" / f"val_{number}.JPEG", 40 * number, "L")
        lines.append(f"val_{number}.JPEG\t{name}\t0\t0\t7\t7")
    (below / "val" / "val_annotations.txt").write_text("\n".join(lines) + "\n")
    (below / "wnids.txt").write_text("\n".join(CLASSES) + "\n")
    save(below / "test" / "images" / "test_0.JPEG", 0)
    return tmp_path


def test_train_and_annotated_images_are_read(folder):
    data = load("tinyimagenet", root=folder, validation=0)
    assert data.name == "TinyImageNet" and data.class_names == ("n01", "n02", "n03")
    assert data.train.labels.tolist() == [0, 0, 1, 1, 2, 2]
    greys = [round(float(value) * 255) for value in data.train.images[:, 0, 0, 0]]
    assert greys == [50, 50, 0, 0, 100, 100]
    assert data.test.labels.tolist() == [2, 0, 1]
    # grey files become RGB
    assert data.test.images.shape == (3, 3, 8, 8)
    assert [round(float(value) * 255) for value in data.test.images[:, 2, 4, 4]] == [0, 40, 80]
    assert load(folder / "tiny-imagenet-200").name == "TinyImageNet"


def test_what_does_not_fit_is_refused(folder):
    below = folder / "tiny-imagenet-200"
    save(below / "train" / "n99" / "images" / "n99_0.JPEG", 1)
    with pytest.raises(DataError, match=r"train/n99/images/n99_0\.JPEG is of no class that wnids\.txt names"):
        load("tinyimagenet", root=folder)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("wnids.txt", "n01\nn01\nn02\nn03\n", "names no class, or one twice"),
        ("wnids.txt", "\n", "names no class, or one twice"),
        ("val/val_annotations.txt", "", "names no image"),
        ("val/val_annotations.txt", "val_9.JPEG\tn01\t0\n", r"names val/images/val_9\.JPEG of class 'n01'"),
        ("val/val_annotations.txt", "../../wnids.txt\tn01\n", "one of them is not there"),
        ("val/val_annotations.txt", "val_0.JPEG\n", "of class ''"),
    ],
)  # fmt: skip
def test_wrong_lists_are_refused(folder, name, content, message):
    (folder / "tiny-imagenet-200" / name).write_text(content)
    with pytest.raises(DataError, match=message):
        load("tinyimagenet", root=folder)


def test_images_of_other_sizes_or_kinds_are_refused(folder):
    path = folder / "tiny-imagenet-200" / "val" / "images" / "val_1.JPEG"
    save(path, 0, side=9)
    with pytest.raises(DataError, match=r"val_1\.JPEG: is \(3, 9, 9\) in channels"):
        load("tinyimagenet", root=folder)
    path.write_bytes(b"no image")
    with pytest.raises(DataError, match=r"val_1\.JPEG: can't be read as an image"):
        load("tinyimagenet", root=folder)
