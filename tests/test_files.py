from __future__ import annotations

import os

import pytest
from netx_files import unprivileged

from lavarobust.files import WriteError, atomic_write, check_can_be_written, make_folder, replacing


def test_a_file_is_written_whole_and_with_ordinary_permissions(tmp_path):
    (tmp_path / "plain").write_bytes(b"")
    atomic_write(tmp_path / "a", b"first")
    atomic_write(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"second"
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["a", "plain"]


def test_an_error_while_writing_keeps_the_old_file(tmp_path):
    atomic_write(tmp_path / "a", b"old")
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "a") as temporary:
        temporary.write_bytes(b"half")
        raise ZeroDivisionError
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


def fill(path):
    with replacing(path) as temporary, open("/dev/full", "wb", buffering=0) as full:
        temporary.write_bytes(b"half")
        full.write(b"x")


def test_a_full_disk_is_one_clear_error(tmp_path):
    atomic_write(tmp_path / "a", b"old")
    with pytest.raises(WriteError, match=r"a: can't be written \(No space left on device\)"):
        fill(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("place", ["missing/a", "."])
def test_a_place_that_can_not_be_written_is_named(tmp_path, place):
    with pytest.raises(WriteError, match="can't be written"):
        atomic_write(tmp_path / place, b"x")
    assert os.listdir(tmp_path) == []


def test_what_can_not_be_written_is_said_before_the_work(tmp_path):
    check_can_be_written(tmp_path / "new")
    atomic_write(tmp_path / "old", b"x")
    check_can_be_written(tmp_path / "old")
    for place, reason in (("missing/a", "there is no folder"), (".", "is a folder"), ("old/a", "no folder")):
        with pytest.raises(WriteError, match=reason):
            check_can_be_written(tmp_path / place)
    with unprivileged(0o555) as folder, pytest.raises(WriteError, match="Permission denied"):
        check_can_be_written(folder / "a")
    assert os.listdir(tmp_path) == ["old"]


def test_folders_are_made_or_the_reason_is_said(tmp_path):
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    for place in ("file", "file/a"):
        with pytest.raises(WriteError, match="can't be made"):
            make_folder(tmp_path / place)
