"""The mean image of a signed encoder: a value, and a dataset of the file that is checked when it is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from lavarobust.errors import ModelFileError
from lavarobust.netx import Deployment, Encoding, MeanImage, model_image, read_model, stock_call, write_model
from lavarobust.netx.equality import models_equal
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model

MEAN = np.linspace(0, 1, 6, dtype=np.float32).reshape(1, 2, 3)


def signed_model(mean: np.ndarray = MEAN) -> Model:
    weight = np.array([[2] * 6, [-4] * 6], dtype=np.int32)
    encoding = Encoding("signed_rate", mean_image=MeanImage(mean))
    deployment = Deployment(4, encoding, "membrane", (1, 2, 3))
    return Model((Input((1, 2, 3)), Flatten(), Dense(weight, READOUT)), (1, 2, 3), deployment)


def test_equal_where_every_bit_is_and_never_changed() -> None:
    one, other = MeanImage(MEAN), MeanImage(MEAN.astype(np.float64))
    assert one == other and hash(one) == hash(other)
    assert one != MeanImage(MEAN.reshape(1, 3, 2)) and one != MeanImage(np.nextafter(MEAN, 2)) and one != 1
    with pytest.raises(ValueError, match="read-only"):
        one.pixels[0] = 0


def test_there_and_back(tmp_path: Path) -> None:
    model = signed_model()
    stored = read_model(write_model(model, tmp_path / "model.net"))
    assert models_equal(stored.deployment, model.deployment)
    assert "input_message_bits=2" in stock_call(stored)
    with h5py.File(tmp_path / "model.net") as file:
        assert file["lavarobust/mean_image"].dtype == np.float32
        assert "layer" in file  # stock lava-dl loads it


@pytest.mark.parametrize(
    ("mean", "problem"),
    [
        (None, "mean image is missing"),
        (np.zeros((2, 3)), r"mean image has shape \(2, 3\)"),
        (np.zeros((1, 3, 2)), r"mean image \(1, 3, 2\) for images \(1, 2, 3\)"),
        (np.full((1, 2, 3), 1.25), "from 1.25 to 1.25, not from 0 to 1"),
        (np.full((1, 2, 3), 1e300), "from inf"),
        (np.full((1, 2, 3), np.nan), "NaN"),
    ],
)
def test_a_file_without_a_mean_that_fits_is_refused(mean, problem, tmp_path: Path) -> None:
    path = write_model(signed_model(), tmp_path / "model.net")
    with h5py.File(path, "r+") as file:
        del file["lavarobust/mean_image"]
        if mean is not None:
            file["lavarobust/mean_image"] = mean
    with pytest.raises(ModelFileError, match=problem):
        read_model(path)


def test_a_model_without_a_mean_that_fits_is_not_written() -> None:
    model = signed_model()
    assert model.deployment is not None
    bare = replace(model.deployment, encoding=Encoding("signed_rate"))
    with pytest.raises(ModelFileError, match="mean image is missing"):
        model_image(replace(model, deployment=bare))
    with pytest.raises(ModelFileError, match="for images"):
        model_image(signed_model(MEAN.reshape(1, 3, 2)))
