"""What the networks are shown."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from benchmarks.inputs import INK, digits, moved, raster


def test_a_frame_moves_by_seven_pixels_a_sample_and_comes_back_mirrored():
    frame = np.arange(16).reshape(1, 1, 16)
    copies = moved(frame, 4)
    np.testing.assert_array_equal(copies[0], frame)
    np.testing.assert_array_equal(copies[1, 0, 0], np.roll(np.arange(16), 7))
    np.testing.assert_array_equal(copies[3, 0, 0], np.roll(np.arange(16), 21)[::-1])


def test_copies_of_a_wide_frame_differ():
    frame = np.random.default_rng(0).integers(0, 99, (3, 4, 200))
    assert len(np.unique(moved(frame, 256).reshape(256, -1), axis=0)) == 256


def test_rasters_have_their_activity():
    spikes = raster((40, 50, 60), 0.1)
    assert set(np.unique(spikes)) == {0, 1}
    assert spikes.mean() == pytest.approx(0.1, abs=0.005)
    np.testing.assert_array_equal(spikes, raster((40, 50, 60), 0.1))


def test_without_a_folder_digits_are_noise_of_a_stated_ink():
    images, what = digits(None, 20)
    assert images.shape == (20, 1, 28, 28) and "noise" in what
    assert (images > 0).mean() == pytest.approx(INK, abs=0.02)


def test_mnist_is_read_from_a_folder_or_from_mnist_in_it(tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 28, 28)).astype(np.uint8)
    for part in ("train", "t10k"):
        header = struct.pack(">IIII", 0x803, 3, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + pixels.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, 3) + bytes(3))
    for place in (folder, tmp_path):
        images, what = digits(place, 5)
        assert what == "MNIST test images"
        np.testing.assert_array_equal(images[3, 0], pixels[0].astype(np.float32) / np.float32(255))


def test_a_folder_without_mnist_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="idx"):
        digits(tmp_path, 5)
