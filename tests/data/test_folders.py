"""Image files in folders and zip files, whole, damaged and hostile."""

from __future__ import annotations

import io
import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from lavarobust.data import load
from lavarobust.data.files import FILE_BYTES_MAX
from lavarobust.errors import DataError


def image_bytes(value: int, size: tuple[int, int] = (4, 3), mode: str = "RGB", kind: str = "PNG") -> bytes:
    """A plain image of one value; RGB has value, value + 1, value + 2."""
    colour = (value, value + 1, value + 2) if mode == "RGB" else value
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, kind)
    return stream.getvalue()


def write(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def pack(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


FILES = {
    "train/cat/0.png": image_bytes(10),
    "train/cat/1.png": image_bytes(11),
    "train/cat/2.png": image_bytes(12),
    "train/ant/0.png": image_bytes(20),
    "train/ant/1.png": image_bytes(21),
    "test/cat/0.png": image_bytes(30),
    "test/ant/0.png": image_bytes(40),
    "README.txt": b"outside train and test",
}


@pytest.mark.parametrize("packed", [False, True])
def test_images_are_read_in_turns_of_the_classes(tmp_path, packed):
    path = pack(tmp_path / "pets.zip", FILES) if packed else write(tmp_path / "pets", FILES)
    data = load(path, validation=0)
    assert data.name == "pets"
    assert data.class_names == ("ant", "cat")
    assert data.train.labels.tolist() == [0, 1, 0, 1, 1]
    assert data.train.shape == (3, 3, 4)
    values = np.rint(data.train.images * 255).astype(int)
    assert values[:, 0, 2, 3].tolist() == [20, 10, 21, 11, 12]
    assert values[0, :, 0, 0].tolist() == [20, 21, 22]
    assert np.rint(data.test.images[:, 0, 0, 0] * 255).tolist() == [40, 30]
    assert load("pets", root=tmp_path).train.samples > 0


def test_a_zip_file_is_not_unpacked(tmp_path):
    path = pack(tmp_path / "pets.zip", FILES)
    load(path)
    assert list(tmp_path.iterdir()) == [path]


def test_rows_and_columns_stay_where_they_are(tmp_path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "PNG")
    files = {f"{part}/a/0.png": stream.getvalue() for part in ("train", "test")}
    data = load(write(tmp_path / "rows", files), validation=0)
    assert data.test.shape == (1, 3, 4)
    assert np.rint(data.test.images[0, 0] * 255).astype(int).tolist() == array.tolist()


def test_without_test_folder_a_share_is_held_out(tmp_path):
    files = {f"train/{name}/{i}.png": image_bytes(i) for name in "ab" for i in range(10)}
    data = load(write(tmp_path / "whole", files))
    assert [part.samples for part in (data.train, data.validation, data.test)] == [13, 1, 6]


@pytest.mark.parametrize(
    "stem, kind, name",
    [
        ("cifar10_jpeg", "JPEG", "CIFAR-10-JPEG"),
        ("cifar10", "JPEG", "CIFAR-10-JPEG"),
        ("cifar10", "PNG", "CIFAR-10"),
    ],
)
def test_cifar_as_jpeg_does_not_pass_for_cifar(tmp_path, stem, kind, name):
    suffix = {"JPEG": "jpg", "PNG": "png"}[kind]
    files = {f"{part}/cat/0.{suffix}": image_bytes(5, kind=kind) for part in ("train", "test")}
    pack(tmp_path / f"{stem}.zip", files)
    assert load(stem, root=tmp_path, validation=0).name == name
    assert load(stem, root=tmp_path, validation=0, name="mine").name == "mine"


def with_file(name: str, content: bytes) -> dict[str, bytes]:
    return {**FILES, name: content}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "files, message",
    [
        ({}, "no image under train/<class>"),
        ({"test/cat/0.png": image_bytes(1)}, "no image under train/<class>"),
        (with_file("train/0.png", image_bytes(1)), "train/0.png is not an image under"),
        (with_file("train/cat/sub/0.png", image_bytes(1)), "is not an image under"),
        (with_file("train/cat/notes.txt", b"x"), "notes.txt is not an image under"),
        (with_file("test/dog/0.png", image_bytes(1)), "test/dog is a class that train does not have"),
        (with_file("test/cat/0.png", image_bytes(1, (5, 3))), r"test/cat/0.png: is \(3, 3, 5\)"),
        (with_file("test/cat/0.png", image_bytes(1, mode="L")), r"test/cat/0.png: is \(1, 3, 4\)"),
        (with_file("test/cat/0.png", image_bytes(1, mode="I;16")), "colour mode"),
        (with_file("test/cat/0.png", image_bytes(1)[:50]), "test/cat/0.png: can't be read as an image"),
        (with_file("test/cat/0.png", b"text"), "test/cat/0.png: can't be read as an image"),
        (with_file("test/cat/0.png", b""), "test/cat/0.png: can't be read as an image"),
        (with_file("train/ant/0.png", image_bytes(0, (5000, 1), "L")), "more than 4096 on a side"),
    ],
)
def test_wrong_files_are_refused(tmp_path, files, message, packed):
    (tmp_path / "pets").mkdir()
    path = pack(tmp_path / "pets.zip", files) if packed else write(tmp_path / "pets", files)
    with pytest.raises(DataError, match=message):
        load(path)


def test_a_damaged_zip_file_is_refused(tmp_path):
    path = pack(tmp_path / "pets.zip", FILES)
    content = path.read_bytes()
    for damaged in (content[: len(content) // 2], b"text", b""):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"pets\.zip: can't be read .*Make the zip file again"):
            load(path)


def test_a_file_without_name_is_left_alone(tmp_path):
    path = pack(tmp_path / "pets.zip", FILES)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x", b"")
    content = path.read_bytes()
    # The last entry of the central directory is "x"; a NUL ends its name before it begins.
    place = content.rfind(b"x")
    path.write_bytes(content[:place] + b"\0" + content[place + 1 :])
    assert load(path, validation=0).train.samples == 5


def test_a_wrong_checksum_is_found(tmp_path):
    path = pack(tmp_path / "pets.zip", FILES, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.find(b"IEND") - 20] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"pets\.zip.* can't be read"):
        load(path)


def test_a_bomb_is_refused_by_its_declared_size(tmp_path):
    path = pack(tmp_path / "bomb.zip", with_file("train/cat/9.png", bytes(FILE_BYTES_MAX + 1)))
    assert path.stat().st_size < 100_000
    with pytest.raises(DataError, match=r"train/cat/9\.png claims 67108865 bytes"):
        load(path)


def test_a_bomb_that_hides_its_size_is_read_no_further(tmp_path):
    path = pack(tmp_path / "bomb.zip", with_file("train/cat/9.png", bytes(1_000_000)))
    content = path.read_bytes()
    path.write_bytes(content.replace(struct.pack("<I", 1_000_000), struct.pack("<I", 100)))
    with pytest.raises(DataError, match="can't be read"):
        load(path)


def test_unusual_packing_and_double_names_are_refused(tmp_path):
    with pytest.raises(DataError, match="unusual method"):
        load(pack(tmp_path / "lzma.zip", FILES, zipfile.ZIP_LZMA))
    path = tmp_path / "double.zip"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for _ in range(2):
            archive.writestr("train/cat/0.png", image_bytes(1))
    with pytest.raises(DataError, match="two files of one name"):
        load(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
def test_any_damage_is_one_error_or_none(tmp_path, place, value, cut):
    whole = pack(tmp_path / "whole.zip", FILES).read_bytes()
    place %= len(whole)
    damaged = whole[:place] if cut else whole[:place] + bytes([value]) + whole[place + 1 :]
    path = tmp_path / "damaged.zip"
    path.write_bytes(damaged)
    try:
        load(path)
    except DataError as error:
        assert "damaged" in str(error)


def test_an_unreadable_file_is_named(tmp_path):
    root = write(tmp_path / "pets", FILES)
    shutil.rmtree(root / "test")
    (root / "test" / "cat" / "0.png").mkdir(parents=True)
    with pytest.raises(DataError, match=r"0\.png: can't be read"):
        load(root)
