"""What a search keeps of every sample, and when it stops asking about it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import (
    PGD,
    ExpectedVictim,
    NetworkVictim,
    Queries,
    ThreatModel,
    ThreatModelError,
    fgsm,
    pgd,
)
from lavarobust.errors import DataError

EPSILON = 1 / 16
THREAT = ThreatModel(EPSILON)


def _arrays(case):
    return case.images, case.labels, case.indices


def test_a_sample_that_is_wrong_already_is_returned_untouched_and_costs_one_execution(linear_case):
    victim = NetworkVictim(linear_case.module)
    found = pgd(victim, linear_case.images, 1 - linear_case.labels, linear_case.indices, THREAT)
    np.testing.assert_array_equal(found.images, linear_case.images)
    assert found.fooled.all() and not found.gradients.any()
    assert found.queries == victim.queries == Queries(forward=90)


def test_a_fooled_sample_is_not_asked_about_again(linear_case):
    found = pgd(NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT, PGD(10, restarts=3))
    assert (found.gradients[~found.fooled] == 30).all()
    assert (found.gradients[found.fooled] < 30).all()
    assert found.queries.backward == found.gradients.sum()


def test_more_restarts_only_help(linear_case):
    # one short step from a random start seldom reaches the corner
    victim = NetworkVictim(linear_case.module)
    one, five = (
        pgd(victim, *_arrays(linear_case), THREAT, PGD(1, step_size=EPSILON / 4, restarts=restarts))
        for restarts in (1, 5)
    )
    assert (one.fooled <= five.fooled).all()
    assert five.fooled.sum() > one.fooled.sum()
    np.testing.assert_array_equal(five.images[one.fooled], one.images[one.fooled])
    both = ~five.fooled
    assert (five.loss[both] >= one.loss[both]).all()


def test_zero_gradients_are_reported_and_move_nothing():
    class Constant(torch.nn.Module):
        def forward(self, images):
            return images.flatten(1)[:, :2] * torch.tensor([0.0, 0.0]) + torch.tensor([1.0, 0.0])

    images = np.full((3, 1, 1, 2), 0.5, dtype=np.float32)
    found = pgd(
        NetworkVictim(Constant()),
        images,
        np.zeros(3, dtype=int),
        np.arange(3),
        THREAT,
        PGD(5, random_start=False),
    )
    assert found.zero_gradient_share == 1
    np.testing.assert_array_equal(found.images, images)
    assert not found.fooled.any()


def test_an_attack_that_leaves_the_box_is_caught(linear_case, monkeypatch):
    def careless(slope, start, *rest):
        return (start + 0.2).clamp(0, 1)

    monkeypatch.setattr("lavarobust.attacks.search.climb", careless)
    with pytest.raises(ThreatModelError):
        fgsm(NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT)


@pytest.mark.parametrize(
    "change",
    [
        {"images": np.zeros((0, 1, 4, 4), np.float32)},
        {"images": np.zeros((90, 16), np.float32)},
        {"images": np.full((90, 1, 4, 4), 1.5, np.float32)},
        {"images": np.full((90, 1, 4, 4), np.nan, np.float32)},
        {"images": np.zeros((90, 1, 4, 4), np.uint8)},
        {"labels": np.zeros(89, int)},
        {"labels": np.full(90, 2)},
        {"labels": np.zeros(90)},
        {"indices": np.arange(90) - 1},
    ],
)
def test_arrays_that_do_not_fit_are_refused(linear_case, change):
    arrays = dict(zip(("images", "labels", "indices"), _arrays(linear_case), strict=True)) | change
    with pytest.raises(DataError):
        fgsm(NetworkVictim(linear_case.module), **arrays, threat=THREAT)


def test_an_image_that_fools_is_kept_even_where_its_loss_is_lower():
    class Trap(torch.nn.Module):
        """Class 1 passes class 0 on the way up, while eight rivals that were close fall behind."""

        def forward(self, images):
            pixel = images.flatten(1)
            rivals = (0.99 - 100 * (pixel - 0.55).relu()).expand(-1, 8)
            return torch.cat([torch.ones_like(pixel), 0.99 + 0.2 * (pixel - 0.5), rivals], 1)

    image = np.full((1, 1, 1, 1), 0.5, dtype=np.float32)
    found = fgsm(NetworkVictim(Trap()), image, np.array([0]), np.array([0]), ThreatModel(0.2))
    clean_loss = np.log(1 + 9 * np.exp(-0.01))
    assert found.fooled[0] and found.prediction[0] == 1
    assert found.loss[0] < clean_loss
    assert found.images[0, 0, 0, 0] == pytest.approx(0.7)


def test_the_clean_loss_is_kept_beside_the_best(linear_case):
    victim = NetworkVictim(linear_case.module)
    found = pgd(victim, *_arrays(linear_case), THREAT, PGD(3, loss="margin"))
    logits = victim.logits(linear_case.images, linear_case.indices)
    own = logits[np.arange(90), linear_case.labels]
    np.testing.assert_allclose(found.first_loss, logits.min(1) - own)
    assert (found.loss > found.first_loss).all()


def test_of_a_victim_that_is_not_decisive_the_search_goes_on(linear_case):
    victim = ExpectedVictim(NetworkVictim(linear_case.module), draws=1)
    found = pgd(victim, *_arrays(linear_case), THREAT, PGD(10))
    assert (found.gradients == 10).all()
    np.testing.assert_array_equal(found.images, linear_case.worst_images(EPSILON))
