"""Our attacks beside their authors' package, on images enough to hold shares of them against each other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from lavarobust.attacks import APGD, NetworkVictim, ThreatModel, attack
from lavarobust.attacks.autoattack import autoattack

pytest.importorskip("pyautoattack")

TRAIN = 1200
THREAT = ThreatModel(0.1)


@pytest.fixture(scope="module")
def case():
    """A smooth network that has learnt digits, and the 597 images that it has not seen."""
    digits = load_digits()
    images = torch.from_numpy((digits.images / 16).astype(np.float32))[:, None]
    labels = torch.from_numpy(digits.target.astype(np.int64))
    with torch.random.fork_rng():
        torch.manual_seed(1)
        module = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, 64), torch.nn.Softplus(), torch.nn.Linear(64, 10)
        )
    optimiser = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(80):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(images[:TRAIN]), labels[:TRAIN]).backward()
        optimiser.step()
    arrays = images[TRAIN:].numpy(), labels[TRAIN:].numpy(), np.arange(TRAIN, len(images))
    return NetworkVictim(module), *arrays


@pytest.mark.slow
@pytest.mark.parametrize("threat", [THREAT, ThreatModel(0.5, "l2")], ids=str)
@pytest.mark.parametrize(
    ("settings", "theirs"),
    [(APGD(100), "apgd-ce"), (APGD(100, loss="targeted_dlr", targets=9), "apgd-t")],
    ids=["APGD-CE", "APGD-T"],
)
def test_as_many_images_withstand_it_as_withstand_the_references(case, threat, settings, theirs):
    victim, images, labels, indices = case
    reference = autoattack(victim, images, labels, indices, threat, [theirs])
    ours = attack(settings, victim, images, labels, indices, threat)
    one, other = (int((~found.fooled).sum()) for found in (ours, reference))
    assert 100 < one < 500
    # half a point of 597 images
    assert abs(one - other) <= 3
