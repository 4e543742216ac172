"""Each check on a victim of spikes that was made to set it off, and on one that sets nothing off."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.attacks import SEA, FlipBudget, attack_encoding
from lavarobust.attacks.flip_diagnosis import diagnose_flips, random_flips
from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.victim import Queries
from lavarobust.netx.deployment import Deployment, Encoding

STEPS, SHAPE = 2, (1, 3, 4)
COUNT = 40
SAMPLES = Samples(
    np.full((COUNT, *SHAPE), 0.5, dtype=np.float32), np.zeros(COUNT, dtype=int), np.arange(COUNT)
)
COUNTS, DECOYS, BRAKES = slice(0, 4), slice(4, 8), slice(8, 11)
"""Entries of each frame: those that count, those that do nothing, and those that may hold a class back."""
TAG = 11


class Spikes:
    """Two classes; class 1 wins where ``rise`` of frames ``(N, T, 12)`` is above 0.

    Silence is what encodes any image in draw 0; in the others an entry that does nothing spikes too.

    Args:
        slope: ``(N, T, 12)`` that is told for the gradient of the rise.
    """

    stochastic, decisive, name = False, True, "spikes"
    deployment = Deployment(STEPS, Encoding("rate"), "membrane", SHAPE)

    def __init__(self, rise, slope):
        self.rise, self.slope, self.queries = rise, slope, Queries()

    def encoded(self, images, indices, draw=0):
        frames = np.zeros((len(images), STEPS, 12), dtype=np.float32)
        frames[..., TAG] = draw > 0
        return frames.reshape(len(images), STEPS, *SHAPE)

    def logits(self, frames, indices, draw=0):
        rise = self.rise(frames.reshape(len(frames), STEPS, 12)).astype(np.float64)
        return np.stack([np.zeros_like(rise), rise], 1)

    def logits_and_gradient(self, frames, labels, indices, loss="cross_entropy", draw=0, targets=None):
        logits = self.logits(frames, indices, draw)
        weight = loss_and_direction(loss, logits, Goal(labels))[1]
        gradient = weight[:, 1, None, None] * self.slope(frames.reshape(len(frames), STEPS, 12))
        return logits, gradient.reshape(frames.shape).astype(np.float32)

    def loss_gradient(self, *arguments, **named):
        return self.logits_and_gradient(*arguments, **named)[1]


def _three_of_four(frames):
    """Above 0 where of the entries that count, three of each frame spike."""
    return frames[..., COUNTS].sum((1, 2)) - 5.5


def _towards(**sizes):
    slope = np.zeros(12)
    for name, size in sizes.items():
        slope[{"counts": COUNTS, "decoys": DECOYS, "brakes": BRAKES}[name]] = size
    return lambda frames: np.broadcast_to(slope, frames.shape)


def _either(where, one, other):
    """One slope for the samples that a condition holds for, and another for the rest."""
    return lambda frames: np.where(where(frames)[:, None, None], one(frames), other(frames))


TRUE, DECOYED = _towards(counts=1), _towards(decoys=1)
HONEST = Spikes(_three_of_four, TRUE)
DEAD = Spikes(lambda frames: frames.sum((1, 2)) - 0.5, _towards())
MISLED_ONCE = Spikes(_three_of_four, _either(lambda frames: frames.any((1, 2)), TRUE, DECOYED))
MISLED_WHERE_KNOWN = Spikes(_three_of_four, _either(lambda frames: frames[..., TAG].any(1), TRUE, DECOYED))
BRAKED = Spikes(
    lambda frames: _three_of_four(frames) - 9 * frames[..., BRAKES].sum((1, 2)),
    _towards(counts=1, brakes=0.5),
)
REVERSED = Spikes(_three_of_four, _towards(counts=-1))

ZERO, HELP = "zero gradients", "an attack does not help the model"
ITERATED, FRESH = "SEA-20 is not stronger", "SEA-5 over 10 fresh is not stronger"
RANDOM = "the worst of 10 draws of random flips is not stronger"
BUDGET, UNBOUNDED = "a larger budget is not weaker", "without a bound nothing is robust"


def _diagnosed(victim, flips, samples=SAMPLES, told=lambda what: None):
    found = attack_encoding(SEA(), victim, samples.images, samples.labels, samples.indices, FlipBudget(flips))
    robust = found.prediction == samples.labels
    return diagnose_flips(victim, SEA(), FlipBudget(flips), samples, robust, told=told)


def test_true_gradients_set_nothing_off_and_every_question_is_asked_once():
    told = []
    found = _diagnosed(HONEST, 2, told=told.append)
    assert not found.unreliable and found.samples == COUNT
    assert [check.name for check in found.checks] == [ZERO, HELP, ITERATED, FRESH, RANDOM, BUDGET, UNBOUNDED]
    assert len(told) == len(set(told)) == 6
    said = {check.name: check.said for check in found.checks}
    assert said[BUDGET] == "100% at 1, 100% at 2, 0% at 4, 0% at 8"
    assert said[UNBOUNDED] == "0 right with 12 flips a frame"


@pytest.mark.parametrize(
    ("victim", "flips", "fires"),
    [
        (DEAD, 4, {ZERO, RANDOM, UNBOUNDED}),
        (MISLED_ONCE, 4, {ITERATED, FRESH}),
        (MISLED_WHERE_KNOWN, 4, {FRESH, UNBOUNDED}),
        (BRAKED, 2, {BUDGET}),
    ],
)
def test_what_hides_from_the_one_gradient_is_found_out(victim, flips, fires):
    found = _diagnosed(victim, flips)
    assert {check.name for check in found.checks if check.fired} == fires, found.checks


def test_flips_that_right_what_was_wrong_are_found_out():
    wrong = np.arange(COUNT) % 4 == 0
    samples = Samples(SAMPLES.images, wrong.astype(int), SAMPLES.indices)
    for victim, flips, fired in ((HONEST, 2, False), (REVERSED, 3, True)):
        (check,) = (check for check in _diagnosed(victim, flips, samples).checks if check.name == HELP)
        assert check.fired == fired
    assert check.said.startswith("flips by one gradient: 100.0% right instead of 75.0%, 0.0% of the right")


def test_where_nothing_is_left_or_nothing_was_right_nothing_is_asked():
    found = _diagnosed(HONEST, 4)
    assert not found.unreliable and found.checks[0].said.startswith("0 of 40 are called robust")
    wrong = Samples(SAMPLES.images, 1 - SAMPLES.labels, SAMPLES.indices)
    assert _diagnosed(HONEST, 2, wrong).reasons == ("clean accuracy: no sample is right without attack",)


@pytest.mark.parametrize("lowest", [0, -1])
def test_random_flips_change_so_many_entries_of_each_frame_to_any_other_value(lowest):
    indices = np.arange(30) * 7
    frames = np.random.default_rng(0).integers(lowest, 2, (30, 3, 1, 4, 5)).astype(np.float32)
    flipped = random_flips(frames, indices, 6, lowest, seed=1, repetition=0)
    assert ((flipped != frames).sum((2, 3, 4)) == 6).all()
    pairs = {(int(a), int(b)) for a, b in zip(frames.ravel(), flipped.ravel(), strict=True) if a != b}
    values = range(lowest, 2)
    assert pairs == {(a, b) for a in values for b in values if a != b}
    some = random_flips(frames[[9, 2]], indices[[9, 2]], 6, lowest, seed=1, repetition=0)
    np.testing.assert_array_equal(some, flipped[[9, 2]])
    assert (random_flips(frames, indices, 6, lowest, seed=1, repetition=1) != flipped).any()
    assert (random_flips(frames, indices, 99, lowest, seed=1, repetition=0) != frames).all()
