from __future__ import annotations

import numpy as np
import pytest

from lavarobust.attacks import (
    APGD,
    FGSM,
    PGD,
    RFGSM,
    SAPGD,
    IntegerVictim,
    NetworkVictim,
    Noise,
    Queries,
    ThreatModel,
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
from lavarobust.errors import SettingsError
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


def test_a_random_step_and_a_gradient_step_share_the_box(linear_case):
    found = attack(RFGSM(0.25), NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT)
    inside = (linear_case.images > EPSILON) & (linear_case.images < 1 - EPSILON)
    step = np.abs(found.images - linear_case.images)[inside & ~found.fooled[:, None, None, None]] / EPSILON
    # a quarter at random and three quarters along the gradient: together or against each other
    assert set(np.round(step, 4)) == {0.5, 1.0}


def test_r_fgsm_has_no_euclidean_form(linear_case):
    with pytest.raises(SettingsError, match="R-FGSM"):
        attack(RFGSM(), NetworkVictim(linear_case.module), *_arrays(linear_case), ThreatModel(1, "l2"))
