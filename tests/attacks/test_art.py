from __future__ import annotations

import numpy as np
import pytest
from extras import needed

from lavarobust.attacks import FGSM, PGD, IntegerVictim, NetworkVictim, ThreatModel, fgsm, pgd
from lavarobust.attacks.art import as_art_classifier, as_art_estimator, numpy_seeded
from lavarobust.netx.deployment import Encoding

needed("art", "art")

SHAPE = (1, 4, 4)
EPSILON = 1 / 16


def _attacks():
    from art.attacks import evasion

    return evasion


def test_its_fgm_and_pgd_find_what_ours_find_on_a_linear_victim(linear_case):
    victim, case = NetworkVictim(linear_case.module), linear_case
    estimator = as_art_estimator(victim, SHAPE, 2)
    worst, threat = case.worst_images(EPSILON), ThreatModel(EPSILON)
    arrays = case.images, case.labels, case.indices
    fast = _attacks().FastGradientMethod(estimator, eps=EPSILON).generate(case.images, case.labels)
    open_ = ~fgsm(victim, *arrays, threat, FGSM()).fooled
    np.testing.assert_array_equal(fast, worst)
    np.testing.assert_array_equal(fast[open_], fgsm(victim, *arrays, threat, FGSM("margin")).images[open_])
    steps = _attacks().ProjectedGradientDescent(
        estimator, eps=EPSILON, eps_step=EPSILON / 4, max_iter=10, verbose=False
    )
    np.testing.assert_array_equal(steps.generate(case.images, case.labels), worst)
    ours = pgd(victim, *arrays, threat, PGD(10, EPSILON / 4, random_start=False))
    np.testing.assert_array_equal(case.predictions(worst) != case.labels, ours.fooled)


def test_an_integer_victims_ties_and_gradients_come_through(deployed, pictures):
    case, (images, _) = deployed(Encoding("direct", 16), "spike_count"), pictures
    victim = IntegerVictim(case.model, case.deployment)
    estimator, rows = as_art_estimator(victim, (1, 8, 8), 10), np.arange(9)
    images = images[:9]
    logits = victim.logits(images, rows)
    scores = as_art_classifier(victim, (1, 8, 8), 10).predict(images, batch_size=9)
    np.testing.assert_array_equal(scores.argmax(1), logits.argmax(1))
    np.testing.assert_allclose(scores, logits - logits.max(1, keepdims=True), atol=1e-6)
    labels = logits.argmax(1)
    expected = victim.loss_gradient(images, labels, rows)
    for given in (labels, np.eye(10)[labels]):
        np.testing.assert_array_equal(estimator.loss_gradient(images, given), expected)
    every = estimator.class_gradient(images)
    assert every.shape == (9, 10, 1, 8, 8)
    np.testing.assert_array_equal(
        every[:, 3], victim.vector_jacobian(images, rows, np.eye(10)[np.full(9, 3)])
    )
    np.testing.assert_array_equal(estimator.class_gradient(images, 3)[:, 0], every[:, 3])
    np.testing.assert_array_equal(estimator.class_gradient(images, label=labels)[:, 0], every[rows, labels])


def test_a_stochastic_victim_answers_with_the_next_draw(deployed, pictures):
    case, (images, _) = deployed(Encoding("rate"), "membrane"), pictures
    victim, rows = IntegerVictim(case.model, case.deployment), np.arange(5)
    classifier = as_art_classifier(victim, (1, 8, 8), 10, draw=7)
    for draw in (7, 8):
        logits = victim.logits(images[:5], rows, draw)
        scores = classifier.predict(images[:5])
        np.testing.assert_allclose(scores, logits - logits.max(1, keepdims=True), atol=1e-5)


def test_its_square_runs_on_the_classifier(linear_case):
    case = linear_case
    classifier = as_art_classifier(NetworkVictim(case.module), SHAPE, 2)
    found = []
    for _ in range(2):
        with numpy_seeded(5):
            attack = _attacks().SquareAttack(classifier, eps=EPSILON, max_iter=40, p_init=0.3, verbose=False)
            found.append(attack.generate(case.images, case.labels))
    np.testing.assert_array_equal(*found)
    assert (case.predictions(found[0]) != case.labels).any()
    # its float32 is not cut to the box as exactly as ours
    assert np.abs(found[0] - case.images).max() == pytest.approx(EPSILON, abs=1e-6)


def test_numpys_generator_is_put_back():
    before = np.random.get_state()
    with numpy_seeded(1):
        first = np.random.rand(3)
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])
    with pytest.raises(KeyError), numpy_seeded(np.array([1], dtype=np.uint32)):
        raise KeyError
    assert np.random.get_state()[2] == before[2]
    with numpy_seeded(1):
        np.testing.assert_array_equal(np.random.rand(3), first)
