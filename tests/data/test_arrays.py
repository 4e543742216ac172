"""A person's own arrays, from Python and from numpy's files."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lavarobust.data import as_images, from_arrays, load, read_pair
from lavarobust.errors import DataError

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 5, 6), np.uint8)
LABELS = np.arange(20) % 4


def test_python_arrays_are_split():
    data = from_arrays(IMAGES, LABELS, validation=0.25)
    assert data.name == "arrays"
    assert data.class_names == ("0", "1", "2", "3")
    assert [part.samples for part in (data.train, data.validation, data.test)] == [10, 4, 6]
    for part in (data.train, data.validation, data.test):
        assert (np.rint(part.images[:, 0] * 255) == IMAGES[part.indices]).all()
        assert (part.labels == LABELS[part.indices]).all()


def test_every_layout_gives_the_same_images():
    colour = np.random.default_rng(1).random((3, 5, 6, 3))
    last = as_images(colour, [0, 1, 2])
    first = as_images(colour.transpose(0, 3, 1, 2), [0, 1, 2])
    assert last.images.tolist() == first.images.tolist()
    assert last.images.dtype == np.float32
    assert last.images.flags.c_contiguous
    assert last.indices.tolist() == [0, 1, 2]


def test_a_test_part_of_its_own_is_kept():
    data = from_arrays(IMAGES, LABELS, test_images=IMAGES[:2], test_labels=LABELS[:2], class_names="abcd")
    assert data.test.indices.tolist() == [0, 1]
    assert data.train.samples + data.validation.samples == 20
    assert data.class_names == ("a", "b", "c", "d")


def test_the_callers_arrays_are_not_touched_nor_shared():
    images = IMAGES / 255.0
    before = images.copy()
    made = as_images(images, LABELS)
    made.images[:] = 0
    assert (images == before).all()


def test_parts_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="only one of test images and test labels"):
        from_arrays(IMAGES, LABELS, test_images=IMAGES)
    with pytest.raises(DataError, match=r"\(1, 4, 6\), the training images \(1, 5, 6\)"):
        from_arrays(IMAGES, LABELS, test_images=IMAGES[:, :4], test_labels=LABELS)
    with pytest.raises(DataError, match=r"arrays \(test\): label 4"):
        from_arrays(IMAGES, LABELS, test_images=IMAGES[:1], test_labels=[4])
    with pytest.raises(DataError, match="label 3 of sample 3"):
        from_arrays(IMAGES, LABELS, class_names=("a", "b", "c"))


@pytest.mark.parametrize("keys", [("images", "labels"), ("x", "y"), ("x_train", "y_train")])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_is_read_under_each_name(tmp_path, keys, save):
    save(tmp_path / "mine.npz", **dict(zip(keys, (IMAGES, LABELS), strict=True)))
    data = load("mine", root=tmp_path)
    assert data.name == "mine"
    assert [part.samples for part in (data.train, data.validation, data.test)] == [13, 1, 6]


def test_npz_with_a_test_part(tmp_path):
    np.savez(tmp_path / "m.npz", x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:3], y_test=LABELS[:3])
    assert load(tmp_path / "m.npz").test.labels.tolist() == [0, 1, 2]


def test_a_folder_of_npy_files(tmp_path):
    np.save(tmp_path / "images.npy", np.asfortranarray(IMAGES))
    np.save(tmp_path / "labels.npy", LABELS)
    assert load(tmp_path).test.samples == 6
    pair = read_pair(tmp_path / "images.npy", tmp_path / "labels.npy")
    assert (np.rint(pair.images[:, 0] * 255) == IMAGES).all()
    assert pair.labels.tolist() == LABELS.tolist()
    np.save(tmp_path / "test_images.npy", IMAGES[:3])
    with pytest.raises(DataError, match=r"test_labels\.npy: is missing"):
        load(tmp_path)
    np.save(tmp_path / "test_labels.npy", LABELS[:3])
    assert load(tmp_path).test.samples == 3


def npy_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


WHOLE = npy_bytes(LABELS)
# The same header, but of 2**60 values.
ABSURD = WHOLE.replace(b"(20,), }" + b" " * 17, f"({1 << 60},), }}".encode())


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "can't be read"),
        (b"text", "can't be read"),
        (WHOLE[:-1], "bytes where its header promises"),
        (WHOLE + b"x", "bytes where its header promises"),
        (ABSURD, "claims"),
        (npy_bytes(np.array([{}, 1], dtype=object)), "holds object, not numbers.*never loaded"),
        (npy_bytes(np.array(["a"])), "not numbers"),
        (b"\x80\x04\x95rest of a pickle", "can't be read.*never loaded"),
    ],
)
def test_damaged_npy_is_refused(tmp_path, content, message):
    np.save(tmp_path / "images.npy", IMAGES)
    (tmp_path / "labels.npy").write_bytes(content)
    with pytest.raises(DataError, match=f"labels.npy: .*{message}"):
        load(tmp_path)
    with zipfile.ZipFile(tmp_path / "mine.npz", "w") as archive:
        archive.writestr("images.npy", npy_bytes(IMAGES))
        archive.writestr("labels.npy", content)
    with pytest.raises(DataError, match=f"mine.npz.*{message}"):
        load(tmp_path / "mine.npz")


def test_npz_without_known_names_is_refused(tmp_path):
    np.savez(tmp_path / "mine.npz", pictures=IMAGES, labels=LABELS)
    with pytest.raises(
        DataError, match=r"holds labels, pictures\. Name the arrays images and labels or x and y"
    ):
        load(tmp_path / "mine.npz")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.booleans())
def test_any_damage_is_one_error_or_none(tmp_path, place, value, cut):
    np.savez_compressed(tmp_path / "whole.npz", x=IMAGES[:, :2, :3], y=LABELS)
    whole = (tmp_path / "whole.npz").read_bytes()
    place %= len(whole)
    (tmp_path / "damaged.npz").write_bytes(
        whole[:place] if cut else whole[:place] + bytes([value]) + whole[place + 1 :]
    )
    try:
        load(tmp_path / "damaged.npz")
    except DataError as error:
        assert "damaged" in str(error)
