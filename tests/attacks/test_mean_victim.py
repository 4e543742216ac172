"""A model that draws, as attacks see it that take answers for certain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from extras import needed

from lavarobust.attacks import IntegerVictim, ThreatModel
from lavarobust.attacks.campaign import Target, run_suite
from lavarobust.attacks.dispatch import AutoAttack
from lavarobust.attacks.hop_skip_jump import HopSkipJump
from lavarobust.attacks.mean_victim import MeanVictim
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Member, Suite
from lavarobust.attacks.verdict import FINAL_DRAWS, judge
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.gate import GateOptions


@pytest.fixture
def gated(deployed):
    made = deployed(Encoding("direct", 16), "membrane", GateOptions(seed=4, initial=0.7))
    return made.model, made.deployment


def test_it_is_the_mean_over_the_same_draws_whatever_the_company(gated, pictures):
    images, indices = pictures
    single, mean = IntegerVictim(*gated), MeanVictim(IntegerVictim(*gated), draws=3, first=5)
    key = np.zeros(len(images), dtype=np.int64)
    expected = np.mean([single.logits(images, key, draw) for draw in (5, 6, 7)], axis=0)
    np.testing.assert_array_equal(mean.logits(images, indices), expected)
    np.testing.assert_array_equal(mean.logits(images[40:20:-1], indices[:20]), expected[40:20:-1])
    assert not mean.stochastic and not mean.decisive
    assert mean.queries.forward == 3 * (150 + 20)


def test_its_gradient_is_the_mean_of_theirs(gated, pictures):
    images, indices = pictures[0][:70], pictures[1][:70]
    direction = np.random.default_rng(0).normal(size=(70, 10))
    single, mean = IntegerVictim(*gated), MeanVictim(IntegerVictim(*gated), draws=3)
    # one sample at a time, in a chunk of its own
    parts = [single.vector_jacobian(images, np.zeros(70, dtype=int), direction, draw) for draw in range(3)]
    np.testing.assert_allclose(mean.vector_jacobian(images, indices, direction), np.mean(parts, 0), atol=1e-7)


def test_no_draws_are_refused(gated):
    with pytest.raises(SettingsError, match="at least 1"):
        MeanVictim(IntegerVictim(*gated), 0)


@pytest.mark.parametrize(
    ("settings", "package"),
    [
        pytest.param(AutoAttack(), ("pyautoattack", "autoattack"), marks=pytest.mark.slow),
        (HopSkipJump(600), ("art", "art")),
    ],
    ids=str,
)
def test_what_takes_answers_for_certain_attacks_a_model_that_draws(gated, pictures, settings, package):
    needed(*package)
    images, indices = pictures[0][:4], pictures[1][:4]
    target = Target(*gated, expectation=2)
    samples = Samples(images, np.zeros(4, dtype=np.int64), indices)
    samples = replace(samples, labels=judge(target.victim(), samples, 101, 0).prediction)
    threat, suite = ThreatModel(0.3), Suite("one", (Member(settings, Surrogate()),))
    end = run_suite(target, suite, samples, threat)
    threat.check(images, end.images)
    fooled = ~end.robust
    assert fooled.any() and end.members[0].queries.forward > 0
    # by draws that neither the attack nor the choice of its images has seen
    fresh = judge(target.victim(), replace(samples, images=end.images), 101, FINAL_DRAWS)
    assert (fresh.prediction != samples.labels)[fooled].mean() > 0.5
