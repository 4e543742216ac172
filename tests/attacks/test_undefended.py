"""What attacks must reach on a model that nothing defends, or they do not work."""

from __future__ import annotations

import numpy as np

from lavarobust.attacks import PGD, ThreatModel, attack
from lavarobust.attacks.campaign import Target, run_suite
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.suites import adaptive
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import prepare


def _digits(count: int):
    prepared = prepare("digits-plain", DataChoice(limit=count))
    part = prepared.chosen.images
    target = Target(prepared.model, prepared.plan.as_deployment(prepared.model))
    return target, checked_samples(part.images, part.labels, part.indices)


def test_the_adaptive_suite_leaves_at_most_one_in_a_hundred():
    target, samples = _digits(200)
    end = run_suite(target, adaptive(), samples, ThreatModel(0.3))
    assert end.robust.mean() <= 0.01
    logits = target.victim().logits(end.images, samples.indices)
    np.testing.assert_array_equal(logits.argmax(1) == samples.labels, end.robust)


def test_gradients_alone_from_the_clean_image_and_without_a_bound_leave_none():
    target, samples = _digits(200)
    arrays = (samples.images, samples.labels, samples.indices)
    found = attack(PGD(40, random_start=False), target.victim(), *arrays, ThreatModel(1.0))
    assert found.fooled.all()
