"""The embedded data set."""

from __future__ import annotations

import numpy as np

from lavarobust.data import load


def test_digits_are_whole_and_in_sixteenths():
    data = load("digits")
    parts = (data.train, data.validation, data.test)
    assert [part.samples for part in parts] == [1132, 126, 539]
    assert data.name == "digits"
    assert data.class_names == tuple("0123456789")
    images = np.concatenate([part.images for part in parts])
    assert images.shape == (1797, 1, 8, 8)
    assert images.dtype == np.float32
    assert sorted(set((images * 16).ravel().tolist())) == [float(level) for level in range(17)]
    assert sorted(np.concatenate([part.indices for part in parts]).tolist()) == list(range(1797))
    # Known counts of scikit-learn's digits, per class.
    labels = np.concatenate([part.labels for part in parts])
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_split_never_changes():
    data = load("digits")
    assert data.split["test"]["indices_sha256"] == (
        "a6e5b06c8741b959ba933cfbb0b1491ec027e6f2b112e7f662693a7fe0ea5dd5"
    )
