from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from lavarobust.attacks import FGSM, PGD, Noise, Square, ThreatModel, pgd
from lavarobust.attacks.campaign import ARRAYS, ROBUST, SAFE, WRONG_BEFORE, Target, joined, run_suite
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import OTHER_MODEL, Member, Suite
from lavarobust.dynamics import AdaptiveSharpness, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.gate import GateOptions

THREAT = ThreatModel(8 / 255)
SUITE = Suite(
    "small",
    (
        Member(Noise()),
        Member(FGSM(), Surrogate()),
        Member(PGD(4), AdaptiveSharpness()),
        Member(Square(20)),
    ),
)


@pytest.fixture(params=["plain", "gated"])
def case(request, deployed, pictures):
    gate = GateOptions(seed=4, initial=0.9) if request.param == "gated" else None
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane", gate), pictures
    target = Target(made.model, made.deployment, expectation=2, votes=3)
    labels = target.victim().logits(images, indices).argmax(1)
    labels[::10] = (labels[::10] + 1) % 10
    return target, Samples(images, labels, indices)


def _steps(target, samples):
    """What is told, and the standings before and after every member."""
    told, kept = [], []
    run_suite(target, SUITE, samples, THREAT, lambda member, tried: told.append((member, tried)), kept.append)
    return told, kept


def test_each_member_is_tried_on_what_is_not_safely_fooled(case):
    target, samples = case
    told, kept = _steps(target, samples)
    assert [member for member, _ in told] == list(SUITE.members)
    for (_, tried), before, after in zip(told, kept, kept[1:], strict=False):
        count = after.members[-1]
        assert count.attempted == tried == before.open.sum()
        assert count.fooled == before.robust.sum() - after.robust.sum()
        np.testing.assert_array_equal(after.open, after.robust | (after.lead < SAFE))
        if not target.victim().stochastic:
            np.testing.assert_array_equal(after.open, after.robust)
    end = kept[-1]
    THREAT.check(samples.images, end.images)
    assert 0 < end.robust.sum() < len(samples)
    assert (end.images[end.decided == WRONG_BEFORE] == samples.images[end.decided == WRONG_BEFORE]).all()
    assert (end.asked[end.robust] > 0).all() and (end.asked[end.decided == WRONG_BEFORE] == -1).all()


def test_the_image_of_the_strongest_verdict_is_kept_with_its_attack(case):
    target, samples = case
    _, kept = _steps(target, samples)
    taken_over = 0
    for place, (before, after) in enumerate(pairwise(kept)):
        keys = [list(zip(~each.robust, each.lead, each.margin, strict=True)) for each in (before, after)]
        changed = np.array([one != other for one, other in zip(*keys, strict=True)])
        assert all(one <= other for one, other in zip(*keys, strict=True))
        np.testing.assert_array_equal(after.decided[changed & ~after.robust], place)
        np.testing.assert_array_equal(after.decided[~changed], before.decided[~changed])
        np.testing.assert_array_equal(after.images[~changed], before.images[~changed])
        taken_over += int((changed & ~before.robust).sum())
    assert (taken_over > 0) == target.victim().stochastic
    np.testing.assert_array_equal(kept[-1].first, kept[1].images)


def test_an_image_that_is_said_to_fool_does(deployed, pictures):
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    target = Target(made.model, made.deployment)
    labels = target.victim().logits(images, indices).argmax(1)
    end = run_suite(target, SUITE, Samples(images, labels, indices), THREAT)
    logits = target.victim().logits(end.images, indices)
    np.testing.assert_array_equal(logits.argmax(1) == labels, end.robust)
    others = logits.copy()
    others[np.arange(150), labels] = -np.inf
    np.testing.assert_allclose(end.margin, others.max(1) - logits[np.arange(150), labels])


def _bytes(standing) -> list[bytes]:
    return [getattr(standing, name).tobytes() for name in ARRAYS]


def test_the_end_is_the_same_bytes_in_blocks_and_after_a_stop(case):
    target, samples = case
    whole = run_suite(target, SUITE, samples, THREAT)
    parts = [
        run_suite(target, SUITE, samples.take(slice(start, start + 60)), THREAT) for start in (0, 60, 120)
    ]
    assert _bytes(joined(parts)) == _bytes(whole)
    assert [part.fooled for part in joined(parts).members] == [part.fooled for part in whole.members]
    kept = []
    run_suite(target, SUITE, samples, THREAT, kept=kept.append)
    assert [len(each.members) for each in kept] == [0, 1, 2, 3, 4]
    for stopped in kept:
        assert _bytes(run_suite(target, SUITE, samples, THREAT, standing=stopped)) == _bytes(whole)


def test_images_are_transferred_from_another_model(deployed, pictures):
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    other = deployed(Encoding("direct", 16), "spike_count")
    target = Target(made.model, made.deployment)
    labels = target.victim().logits(images, indices).argmax(1)
    samples = Samples(images, labels, indices)
    suite = Suite("transfer", (Member(PGD(4), Surrogate(), OTHER_MODEL),))
    with pytest.raises(SettingsError, match="there is no other model"):
        run_suite(target, suite, samples, THREAT)
    end = run_suite(replace(target, other=(other.model, other.deployment)), suite, samples, THREAT)
    assert 0 < end.members[0].fooled < 150
    assert (end.decided[~end.robust] == 0).all() and (end.decided[end.robust] == ROBUST).all()


@pytest.mark.parametrize("gate", [None, GateOptions(seed=4, initial=0.9)], ids=["plain", "gated"])
def test_a_search_on_another_model_goes_on_where_that_one_is_fooled(deployed, pictures, gate):
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    other = deployed(Encoding("direct", 16), "spike_count", gate)
    target = Target(made.model, made.deployment, other=(other.model, other.deployment), expectation=2)
    victim = target.attacked(Member(PGD(4), Surrogate(), OTHER_MODEL))
    labels = victim.logits(images, indices).argmax(1)
    found = pgd(victim, images, labels, indices, THREAT, PGD(4))
    assert found.fooled.any() and (found.gradients == 4).all()
    assert (victim.queries.forward > 0) and victim.stochastic == (gate is not None)


def test_where_nothing_is_robust_members_rest(deployed, pictures):
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    target = Target(made.model, made.deployment)
    labels = (target.victim().logits(images, indices).argmax(1) + 1) % 10
    end = run_suite(target, SUITE, Samples(images, labels, indices), THREAT)
    assert (end.decided == WRONG_BEFORE).all()
    assert all(count.attempted == count.queries.forward == 0 for count in end.members)
