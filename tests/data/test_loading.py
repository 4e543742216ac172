"""A data set that isn't there: the error says what to put where."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.data import NAMES, load
from lavarobust.errors import DataError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("LAVAROBUST_DATA", raising=False)


@pytest.mark.parametrize("name", [*NAMES[1:], "flowers", ""])
@pytest.mark.parametrize("given_root", [False, True])
def test_a_missing_data_set_names_flag_and_variable(tmp_path, name, given_root):
    with pytest.raises(DataError, match="--data-root FOLDER or the environment variable LAVAROBUST_DATA"):
        load(name, root=tmp_path if given_root else None)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte"):
        load("mnist", root=tmp_path)
    with pytest.raises(DataError, match=r"data_batch_1\.bin.*test_batch\.bin.*train\|test/<class>/<file>"):
        load("cifar10", root=tmp_path)
    with pytest.raises(
        DataError, match=r"svhn: not found in .*svhn\. Put train_32x32\.mat and test_32x32\.mat"
    ):
        load("svhn", root=tmp_path)
    with pytest.raises(DataError, match="Choose one of digits, mnist, cifar10"):
        load("flowers", root=tmp_path)


def test_a_root_that_is_no_folder(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such folder"):
        load("mnist", root=tmp_path / "nowhere")
    monkeypatch.setenv("LAVAROBUST_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="no such folder"):
        load("mnist")
    assert load("digits", limit=1).train.samples == 1


def test_files_of_other_kinds_are_refused(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(DataError, match="both --images and --labels"):
        load(tmp_path / "images.npy")
    with pytest.raises(DataError, match=r"labels\.npy: is missing"):
        load(tmp_path)
    (tmp_path / "data.csv").write_text("1,2")
    with pytest.raises(DataError, match="is no data set file that is known"):
        load(tmp_path / "data.csv")
