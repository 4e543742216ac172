"""N-MNIST's own layout and SLAYER's .bs2, in folders and zip files, whole and damaged."""

from __future__ import annotations

import numpy as np
import pytest
from event_files import event_bytes, lay_out, recording, slayer, standard

from lavarobust.data import EventFrames, load
from lavarobust.data.nmnist import has_nmnist
from lavarobust.errors import DataError, SettingsError

FRAMES = EventFrames(3)


@pytest.mark.parametrize("below", ["nmnist", "N-MNIST", "nmnist.zip"])
def test_the_standard_layout_is_read_in_the_order_of_its_numbers(tmp_path, below):
    lay_out(tmp_path / below, standard())
    data = load("nmnist", root=tmp_path, validation=0, frames=FRAMES)
    assert data.name == "N-MNIST-12"
    assert data.train.shape == (2, 34, 34, 3)
    assert data.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert data.test.labels.tolist() == [1, 2, 3, 4]
    # sample 4 is recording 5: polarity, row, column, bin
    assert np.argwhere(data.train.images[4]).tolist() == [[1, 2, 5, 1]]


@pytest.mark.parametrize("below", ["small", "small.zip"])
def test_slayer_s_recordings_are_read_by_their_lists(tmp_path, below):
    place = lay_out(tmp_path / below, slayer())
    data = load(place, validation=0, frames=FRAMES)
    assert data.name == "N-MNIST-3"
    assert data.train.labels.tolist() == [7, 0, 3] and data.test.labels.tolist() == [9]
    assert np.argwhere(data.train.images[2]).tolist() == [[1, 2, 10, 1]]
    assert load("small", root=tmp_path, frames=FRAMES).test.labels.tolist() == [9]


def test_recordings_need_time_bins(tmp_path):
    lay_out(tmp_path / "nmnist", standard())
    with pytest.raises(SettingsError, match=r"into how many time bins .*EventFrames\(bins\)"):
        load("nmnist", root=tmp_path)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"train3.txt": None}, r"holds 0 files train\*\.txt \(none\)"),
        ({"train4.txt": b"1\t7\n"}, r"holds 2 files train\*\.txt"),
        ({"2.bs2": None}, r"2\.bs2 is missing, which train3\.txt names"),
        ({"test1.txt": b"#sample #class\n"}, r"a recording is missing, which test1\.txt names"),
        ({"test1.txt": b"../../secret\t9\n"}, r"test1\.txt line 1 is '\.\./\.\./secret"),
        ({"test1.txt": b"60001 10\n"}, "line 1 is"),
        ({"test1.txt": b"\xff\xfe\n"}, "line 1 is"),
        ({"10.bs2": recording(1) + b"\0"}, r"10\.bs2: 6 bytes are not"),
        ({"10.bs2": event_bytes((40, 0, 0, 0))}, r"10\.bs2: event 0 is at column 40"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("below", ["small", "small.zip"])
def test_wrong_slayer_files_are_refused(tmp_path, below, changes, message):
    files = {name: content for name, content in (slayer() | changes).items() if content is not None}
    place = lay_out(tmp_path / below, files)
    with pytest.raises(DataError, match=f"small.*{message}"):
        load(place, validation=0, frames=FRAMES)


def test_a_part_that_is_missing_is_named(tmp_path):
    lay_out(tmp_path, {name: content for name, content in standard().items() if name.startswith("Train")})
    with pytest.raises(DataError, match="holds no recording under Test/<digit>"):
        load("nmnist", root=tmp_path, frames=FRAMES)


def test_odd_paths_in_a_zip_file_are_not_followed(tmp_path):
    odd = {"../Train/1/00099.bin": recording(9), "/Train/2/00098.bin": recording(8), "Train/x/1.bin": b""}
    place = lay_out(tmp_path / "nmnist.zip", standard() | odd)
    assert load(place, validation=0, frames=FRAMES).train.samples == 12
    assert not has_nmnist(lay_out(tmp_path / "odd.zip", odd))


def test_absurd_sizes_are_refused_before_anything_is_read(tmp_path, monkeypatch):
    lay_out(tmp_path, slayer())
    # three recordings of 2 x 34 x 34 float32 in T bins
    monkeypatch.setattr("lavarobust.data.checks.BYTES_MAX", 4 * 3 * 2312 * 100)
    with pytest.raises(DataError, match="claims"):
        load(tmp_path, frames=EventFrames(101))
    assert load(tmp_path, frames=EventFrames(100)).train.shape == (2, 34, 34, 100)
