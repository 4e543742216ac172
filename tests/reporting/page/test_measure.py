from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lavarobust.attacks import PGD
from lavarobust.dynamics import Surrogate
from lavarobust.experiment.attack import attack
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import run
from lavarobust.reporting.page.measure import attack_settings, curve_epsilons, measure


def test_it_is_what_run_and_attack_find(measured):
    ran = run("digits-plain", DataChoice(limit=12))
    assert np.array_equal(measured.clean.prediction, ran.record.prediction)
    assert measured.correct.mean() == ran.accuracy
    found = attack(
        "digits-plain",
        DataChoice(limit=8),
        attacks=[PGD(20)],
        epsilons=(0.1, 0.3),
        rule=Surrogate("triangular", 1.0),
        seed=0,
    ).result
    for ours, theirs in zip(measured.attacked.outcomes, found.outcomes, strict=True):
        assert ours.images.tobytes() == theirs.images.tobytes()


def test_samples_shown_are_those_that_fell_and_one_that_withstood(measured):
    assert measured.epsilon == 0.1
    right = measured.attacked.clean.correct
    after = measured.attacked.outcomes[0].executed.correct
    fell, stood = np.flatnonzero(right & ~after), np.flatnonzero(right & after)
    assert measured.shown.tolist() == [*fell[:3], stood[0]]
    # executed again with their rasters: the same samples, the same draws
    assert np.array_equal(
        measured.shown_clean.prediction, measured.attacked.clean.record.prediction[measured.shown]
    )
    assert np.array_equal(
        measured.shown_attacked.prediction,
        measured.attacked.outcomes[0].executed.record.prediction[measured.shown],
    )
    for place, index in enumerate(measured.shown_clean.rasters):
        spikes = measured.shown_clean.layers[place].spikes.sum(1)
        assert measured.shown_clean.rasters[index].reshape(4, -1).sum(1).tolist() == spikes.tolist()
    change = np.abs(measured.shown_adversarial - measured.shown_images).max()
    assert 0 < change <= 0.1 + 1e-6


def test_without_attack_the_first_images_are_shown(subject):
    measured = measure(subject, 0)
    assert measured.attacked is None and measured.shown_adversarial is None
    assert measured.shown.tolist() == [0, 1, 2, 3] and "no image" in measured.not_attacked


def test_what_can_not_be_attacked_says_why(subject):
    empty = replace(subject.plan, encoding=replace(subject.plan.encoding, kind="frames"))
    with pytest.raises(Exception, match="fit the model"):
        measure(replace(subject, plan=empty), 4)


def test_radii_lie_around_those_of_the_recipe(subject):
    assert curve_epsilons(subject) == (0.025, 0.05, 0.1, 0.15, 0.2)
    recipe = subject.recipe
    two = recipe.model_copy(update={"attack": recipe.attack.model_copy(update={"epsilon": (0.3, 0.8)})})
    assert curve_epsilons(replace(subject, recipe=two)) == (0.075, 0.15, 0.3, 0.8)
    assert curve_epsilons(replace(subject, recipe=None)) == (0.025, 0.05, 0.1, 0.15, 0.2)


def test_settings_are_the_recipes(subject):
    settings, surrogate, seed = attack_settings(subject)
    attack = subject.recipe.attack
    assert (settings.steps, settings.restarts, seed) == (attack.steps, attack.restarts, subject.recipe.seed)
    assert surrogate.name == subject.recipe.network.surrogate.name
