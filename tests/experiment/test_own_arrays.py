"""Images that exist only in Python go the whole road, and other images are refused on it."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.data import from_arrays
from lavarobust.experiment.export import export
from lavarobust.experiment.run_folder import RunFolderError
from lavarobust.experiment.train import load_network, train
from lavarobust.netx import read_model

OVERRIDES = (
    "training.epochs=2",
    "training.frozen_epochs=1",
    "network.layers=[dense 8, dense 2]",
    "network.steps=3",
)


def stripes(seed: int = 0):
    """Upright against lying stripes, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(60) % 2
    images = rng.random((60, 1, 4, 4)) * 0.3
    images[labels == 0, :, :, ::2] += 0.7
    images[labels == 1, :, ::2, :] += 0.7
    return from_arrays(images.astype(np.float32), labels, name="stripes", class_names=("upright", "lying"))


def test_train_and_export_arrays(tmp_path) -> None:
    train("digits-plain", tmp_path / "run", overrides=OVERRIDES, data=stripes(), progress="off")
    result = export(tmp_path / "run", data=stripes())
    model = read_model(result.path)
    assert model.deployment is not None
    assert model.deployment.data == "stripes" and model.deployment.class_names == ("upright", "lying")
    assert model.deployment.recipe["data"]["name"] == "stripes"
    assert result.deployed_accuracy == result.quantised_accuracy


def test_a_signed_encoder_takes_the_mean_of_the_training_images_along(tmp_path) -> None:
    overrides = (*OVERRIDES, "network.encoding.kind=signed_rate")
    train("digits-plain", tmp_path / "run", overrides=overrides, data=stripes(), progress="off")
    result = export(tmp_path / "run", data=stripes())
    model = read_model(result.path)
    assert model.deployment is not None and model.deployment.encoding.mean_image is not None
    mean = stripes().train.images.mean(0, np.float64).astype(np.float32)
    assert np.array_equal(model.deployment.encoding.mean_image.pixels, mean)
    assert result.deployed_accuracy == result.quantised_accuracy


def test_that_mean_is_of_the_images_as_they_are_augmented(tmp_path) -> None:
    overrides = (*OVERRIDES, "network.encoding.kind=signed_rate", "training.augmentation.flip=true")
    train("digits-plain", tmp_path / "run", overrides=overrides, data=stripes(), progress="off")
    encoding = load_network(tmp_path / "run").encoding
    assert encoding.mean_image is not None
    mean = stripes().train.images.mean(0, np.float64)
    assert np.array_equal(encoding.mean_image.pixels, ((mean + mean[:, :, ::-1]) / 2).astype(np.float32))


def test_other_data_than_the_trainings_are_refused(tmp_path) -> None:
    train("digits-plain", tmp_path / "run", overrides=OVERRIDES, data=stripes(), progress="off")
    other = from_arrays(stripes().train.images, stripes().train.labels, name="stripes", seed=1)
    with pytest.raises(RunFolderError, match=r"split\.json.*other data.*class_names, split"):
        export(tmp_path / "run", data=other)
    assert not (tmp_path / "run" / "model.net").exists()
