from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import (
    APGD,
    FGSM,
    PGD,
    RFGSM,
    SAPGD,
    ExpectedVictim,
    IntegerVictim,
    NetworkVictim,
    Noise,
    Queries,
    ThreatModel,
    ThreatModelError,
    attack,
    fgsm,
    pgd,
    random_noise,
)
from lavarobust.attacks.gradient_attacks import _targets
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.search import Search
from lavarobust.attacks.words import attack_uniforms
from lavarobust.encoding.draws import uniform_draws
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.deployment import Encoding

EPSILON = 1 / 16
THREAT = ThreatModel(EPSILON)


def _arrays(case):
    return case.images, case.labels, case.indices


def test_fgsm_on_a_linear_victim_is_its_worst_image(linear_case):
    found = fgsm(NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT)
    worst = linear_case.worst_images(EPSILON)
    np.testing.assert_array_equal(found.images, worst)
    fooled = linear_case.predictions(worst) != linear_case.labels
    assert 0 < fooled.sum() < 90
    np.testing.assert_array_equal(found.fooled, fooled)
    np.testing.assert_array_equal(found.prediction != linear_case.labels, fooled)
    assert found.queries == Queries(forward=3 * 90, backward=90)


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
@pytest.mark.parametrize("random_start", [False, True])
def test_pgd_on_a_linear_victim_finds_every_sample_that_can_be_fooled(linear_case, loss, random_start):
    settings = PGD(10, random_start=random_start, loss=loss)
    found = pgd(NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT, settings)
    worst = linear_case.worst_images(EPSILON)
    np.testing.assert_array_equal(found.fooled, linear_case.predictions(worst) != linear_case.labels)
    np.testing.assert_array_equal(found.images[~found.fooled], worst[~found.fooled])
    np.testing.assert_array_equal(linear_case.predictions(found.images) != linear_case.labels, found.fooled)


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


EVERY_KIND = [
    FGSM(),
    RFGSM(),
    PGD(4, restarts=2),
    PGD(4, momentum=1.0),
    PGD(3, loss="targeted_cross_entropy", targets="random"),
    APGD(6, restarts=2),
    APGD(4, loss="dlr"),
    APGD(3, loss="targeted_dlr", targets=9),
    SAPGD(6),
    Noise(),
    Noise("gaussian", 2),
]


@pytest.mark.parametrize("settings", EVERY_KIND, ids=lambda each: each.name)
@pytest.mark.parametrize("encoding", [Encoding("direct", 16), Encoding("rate")])
def test_a_sample_gets_the_same_bytes_in_any_batch(deployed, pictures, settings, encoding):
    case, (images, indices) = deployed(encoding, "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment, chunk=16)
    labels, threat = victim.logits(images, indices).argmax(1), ThreatModel(8 / 255)
    found = attack(settings, victim, images, labels, indices, threat, seed=4)
    threat.check(images, found.images)
    assert 0 < found.fooled.sum() < 150
    order = np.random.default_rng(6).permutation(150)
    for chosen in (order, order[:37], order[:1]):
        some = attack(settings, victim, images[chosen], labels[chosen], indices[chosen], threat, seed=4)
        for name in ("images", "fooled", "prediction", "loss", "gradients"):
            assert getattr(some, name).tobytes() == getattr(found, name)[chosen].tobytes()


def test_seed_and_draw_change_what_is_found(deployed, pictures):
    case, (images, indices) = deployed(Encoding("rate"), "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment)
    labels = victim.logits(images, indices).argmax(1)
    first = pgd(victim, images, labels, indices, THREAT, PGD(2))
    for changed in ({"seed": 1}, {"draw": 1}):
        other = pgd(victim, images, labels, indices, THREAT, PGD(2), **changed)
        assert (other.images != first.images).any()


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


@pytest.mark.parametrize("distribution", ["uniform", "gaussian"])
def test_noise_has_the_distribution_it_names_and_stays_in_the_box(linear_case, distribution):
    images = np.full((400, 1, 4, 4), 0.5, dtype=np.float32)
    victim = NetworkVictim(linear_case.module)
    labels = 1 - linear_case.predictions(images)
    # every image is wrong already, so noise is looked at on samples of the other label
    found = random_noise(victim, images, 1 - labels, np.arange(400), THREAT, Noise(distribution))
    moved = (found.images != images).any(axis=(1, 2, 3))
    change = (found.images - images)[moved] / EPSILON
    assert moved.sum() > 100
    at_the_edge = (np.abs(change) >= 1).mean()
    # a Gaussian leaves one standard deviation with 31.7 % of its draws
    assert at_the_edge == pytest.approx(0.317 if distribution == "gaussian" else 0, abs=0.05)
    THREAT.check(images, found.images)


def test_starts_are_not_the_numbers_that_a_rate_encoder_draws():
    indices = np.array([3, 4])
    start = attack_uniforms(indices, 5, "random start", 0, 4)
    np.testing.assert_array_equal(start, attack_uniforms(indices, 5, "random start", 0, 4))
    assert not np.isin(start, uniform_draws(5, 3, 0, 4)).any()
    assert len(np.unique([start, attack_uniforms(indices, 5, "random start", 1, 4)])) == 16


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


@pytest.mark.parametrize("settings", [PGD(10, momentum=1.0), APGD(10), APGD(10, loss="margin"), SAPGD(10)])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_every_gradient_attack_solves_a_linear_victim(linear_case, settings, norm):
    """Of two classes the best image moves the margin along (l2: parallel to) the weights' difference."""
    case, threat = linear_case, ThreatModel(1 / 16 if norm == "linf" else 1 / 4, norm)
    found = attack(settings, NetworkVictim(case.module), *_arrays(case), threat)
    if norm == "linf":
        fooled = case.predictions(case.worst_images(1 / 16)) != case.labels
        np.testing.assert_array_equal(found.fooled, fooled)
    else:
        weight = case.module.weight.detach().numpy()
        slope = (weight[1] - weight[0]) * np.where(case.labels == 0, 1, -1)[:, None]
        moved = case.images.reshape(90, -1) + 0.25 * slope / np.linalg.norm(slope, axis=1, keepdims=True)
        certain = (moved >= 0).all(1) & (moved <= 1).all(1)
        margin = (moved * slope).sum(1)
        assert certain.any()
        # what cannot be fooled without the pixel range can't with it
        assert not found.fooled[margin < 0].any()
        assert found.fooled[certain & (margin > 0.01)].all()


def test_targets_are_the_classes_that_score_highest(deployed, pictures):
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment)
    logits = victim.logits(images, indices)
    asked = []
    original = victim.logits_and_gradient

    def noted(images, labels, indices, loss, draw, targets):
        asked.append((indices, targets))
        return original(images, labels, indices, loss, draw, targets)

    victim.logits_and_gradient = noted
    attack(
        APGD(1, loss="targeted_dlr", targets=2),
        victim,
        images,
        logits.argmax(1),
        indices,
        ThreatModel(1e-6),
    )
    ranked = np.argsort(-logits, axis=1)
    for place, (of, targets) in enumerate(asked, start=1):
        np.testing.assert_array_equal(targets, ranked[np.isin(indices, of), place])


def test_a_random_target_is_never_the_label(deployed, pictures):
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment)
    labels = victim.logits(images, indices).argmax(1)
    search = Search(victim, Samples(images, labels, indices), THREAT)
    (targets,) = _targets(search, PGD(3, loss="targeted_cross_entropy", targets="random"))
    assert (targets != labels).all() and set(targets) == set(range(10))


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


def test_a_random_step_and_a_gradient_step_share_the_box(linear_case):
    found = attack(RFGSM(0.25), NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT)
    inside = (linear_case.images > EPSILON) & (linear_case.images < 1 - EPSILON)
    step = np.abs(found.images - linear_case.images)[inside & ~found.fooled[:, None, None, None]] / EPSILON
    # a quarter at random and three quarters along the gradient: together or against each other
    assert set(np.round(step, 4)) == {0.5, 1.0}


def test_r_fgsm_has_no_euclidean_form(linear_case):
    with pytest.raises(SettingsError, match="R-FGSM"):
        attack(RFGSM(), NetworkVictim(linear_case.module), *_arrays(linear_case), ThreatModel(1, "l2"))
