from __future__ import annotations

import numpy as np
import pytest
import torch
from planted import Planted, withstood

from lavarobust.attacks import ThreatModel
from lavarobust.attacks.checks import Check, Diagnosis, noticeable
from lavarobust.attacks.diagnosis import SAMPLES, diagnose
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import quick

EPSILON = 1 / 16
THREAT = ThreatModel(EPSILON)
SAMPLED = Samples(
    (0.5 - np.arange(110) % 2 / 16).astype(np.float32).reshape(-1, 1, 1, 1).repeat(4, 1).reshape(-1, 1, 2, 2),
    np.zeros(110, dtype=np.int64),
    np.arange(110),
)
"""Every second image lies where no other of its box is classified otherwise."""


class Mean(torch.nn.Module):
    """Class 1 wins where the mean pixel lies half an epsilon above grey."""

    def forward(self, images):
        rise = self.seen(images).flatten(1).mean(1) - 0.5 - EPSILON / 2
        return torch.stack([torch.zeros_like(rise), rise], 1)

    def seen(self, images):
        return images


class Rounding(Mean):
    """Sees 256 levels, through which no gradient comes."""

    def seen(self, images):
        return torch.round(images * 256) / 256


def test_true_gradients_are_believed_and_every_question_is_asked_once():
    target, told = Planted(Mean(), level=1 / 64), []
    found = diagnose(target, quick(), SAMPLED, THREAT, withstood(target, SAMPLED, THREAT), told=told.append)
    assert found.samples == SAMPLES and not found.unreliable and found.reasons == ()
    assert len({check.name for check in found.checks}) == len(found.checks) == 15
    assert len(told) == len(set(told)) == 13


def test_rounding_without_a_gradient_is_not_believed():
    target = Planted(Rounding())
    found = diagnose(target, quick(), SAMPLED, THREAT, withstood(target, SAMPLED, THREAT))
    fired = {check.name for check in found.checks if check.fired}
    assert fired >= {
        "zero gradients",
        "the loss rises",
        "Square-500, which knows scores alone, is not stronger",
        "without a bound nothing is robust",
    }
    assert found.unreliable and any(reason.startswith("zero gradients: 100.0%") for reason in found.reasons)


@pytest.mark.parametrize(("left", "asked"), [(4, False), (5, True)])
def test_where_almost_nothing_is_robust_no_figure_is_too_high(left, asked):
    robust = np.zeros(110, dtype=bool)
    robust[:left] = True
    found = diagnose(Planted(Rounding()), quick(), SAMPLED, THREAT, robust)
    assert found.unreliable == asked
    if not asked:
        (check,) = found.checks
        assert check.name == "room for an overestimate" and check.said.startswith(
            "4 of 100 are called robust"
        )


def test_a_model_that_has_nothing_right_is_no_evidence():
    samples = Samples(SAMPLED.images, 1 - SAMPLED.labels, SAMPLED.indices)
    found = diagnose(Planted(Mean()), quick(), samples, THREAT, np.zeros(110, dtype=bool))
    assert found.samples == 0 and found.unreliable
    assert found.reasons == ("clean accuracy: no sample is right without attack",)


def test_one_sample_is_never_noticeable_and_a_twentieth_is():
    assert [noticeable(samples) for samples in (1, 20, 40, 41, 100)] == [2, 2, 2, 3, 5]


def test_reasons_are_of_what_fired():
    checks = (Check("one", False, "nothing"), Check("two", True, "7 of 9"))
    assert Diagnosis(9, checks).reasons == ("two: 7 of 9",)
    assert not Diagnosis(9, checks[:1]).unreliable
