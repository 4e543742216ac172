"""Flips of the encoding of deployed models: the best ones where those are known, and judged by execution."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.sea import SEA, FlipBudget, attack_encoding
from lavarobust.attacks.sea_evaluate import evaluate_flips
from lavarobust.attacks.threat import ThreatModelError
from lavarobust.encoding import encode
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution import backend
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.mean_image import MeanImage
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model

RATE = Encoding("rate", seed=1)
SIGNED = Encoding("signed_rate", seed=1, mean_image=MeanImage(np.full((1, 8, 8), 0.5)))


def frames_of(encoding: Encoding, images: np.ndarray, steps: int, indices: np.ndarray, draw=0) -> np.ndarray:
    return np.moveaxis(encode(encoding, images, steps, indices, draw).frames, -1, 1)


def linear_victim(encoding: Encoding, steps: int = 2) -> tuple[EncodingVictim, np.ndarray]:
    """Two classes whose margin is linear in the frames, with its weights ``(5,)``."""
    weight = np.array([[6, -2, 4, 8, -10], [-4, 4, 2, 8, 6]], dtype=np.int32)
    model = Model(
        (Input((1, 1, 5)), Flatten(), Dense(weight, READOUT)),
        (1, 1, 5),
        Deployment(steps, encoding, "membrane", (1, 1, 5)),
    )
    return EncodingVictim(model), weight[1] - weight[0]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("budget", [1, 2, 3])
def test_the_best_flips_of_a_linear_margin_are_found(signed, budget):
    encoding = Encoding("signed_rate", mean_image=MeanImage(np.full((1, 1, 5), 0.4))) if signed else RATE
    victim, weight = linear_victim(encoding)
    rng = np.random.default_rng(budget)
    images, indices = rng.random((6, 1, 1, 5)).astype(np.float32), np.arange(6)
    clean = frames_of(encoding, images, 2, indices)
    labels = victim.logits(clean.astype(np.float32), indices).argmax(1)
    found = attack_encoding(SEA(), victim, images, labels, indices, FlipBudget(budget))
    ends = range(-1 if signed else 0, 2)
    for sample in range(6):
        sign = 1 if labels[sample] == 0 else -1
        if (found.frames[sample] == clean[sample]).all():
            continue  # was wrong without it
        for frame, attacked in zip(clean[sample], found.frames[sample], strict=True):
            row = frame.ravel()
            best = max(
                sign * weight @ np.where(np.isin(np.arange(5), places), np.tile(0, 5), row)
                + sign * sum(weight[place] * value for place, value in zip(places, values, strict=True))
                for places in combinations(range(5), budget)
                for values in product(ends, repeat=budget)
            )
            assert sign * weight @ attacked.ravel() == best


@pytest.mark.parametrize("encoding", [RATE, SIGNED])
@pytest.mark.parametrize("settings", [SEA(), SEA(4), SEA(2, encodings=2)])
def test_flips_are_within_the_budget_and_executed_as_the_attack_saw_them(
    encoding, settings, deployed, pictures
):
    case, (images, indices) = deployed(encoding, "membrane"), pictures
    images, indices = images[:60], indices[:60]
    clean = frames_of(encoding, images, 4, indices)
    victim = EncodingVictim(case.model, case.deployment)
    labels = victim.logits(clean.astype(np.float32), indices).argmax(1)
    few, many = evaluate_flips(
        case.model, case.deployment, images, labels, indices, backend("simulator"), [settings],
        [FlipBudget(1), FlipBudget(6)],
    )  # fmt: skip
    for outcome in (few, many):
        flips = (outcome.frames != clean).sum(axis=(2, 3, 4))
        assert 1 <= flips.max() <= outcome.budget.flips
        assert set(np.unique(outcome.frames)) <= set(range(-1 if encoding is SIGNED else 0, 2))
        assert outcome.surprises == 0
        assert outcome.executed.accuracy == pytest.approx(1 - outcome.success_rate)
    assert many.success_rate > few.success_rate
    assert many.success_rate > random_success(victim, clean, labels, indices, 6) + 0.1
    iterations = min(settings.iterations, 6)
    assert many.gradients <= 60 * iterations * (settings.encodings or 1)
    assert many.queries.backward == many.gradients


def test_events_are_flipped_as_the_frames_that_they_are(deployed):
    case = deployed(Encoding("frames", levels=1), "membrane")
    rng = np.random.default_rng(0)
    events = (rng.random((40, 1, 8, 8, 4)) < 0.3).astype(np.float32)
    victim = EncodingVictim(case.model, case.deployment)
    assert not victim.stochastic
    clean = np.moveaxis(events, -1, 1)
    labels = victim.logits(clean, np.arange(40)).argmax(1)
    (outcome,) = evaluate_flips(
        case.model, case.deployment, events, labels, np.arange(40), backend("simulator"), [SEA(2)],
        [FlipBudget(4)],
    )  # fmt: skip
    assert (outcome.frames != clean).sum(axis=(2, 3, 4)).max() <= 4
    assert outcome.success_rate > random_success(victim, clean, labels, np.arange(40), 4) + 0.1
    assert outcome.surprises == 0


def random_success(victim, clean, labels, indices, budget) -> float:
    """Of as many flips at random places to random other values."""
    rng = np.random.default_rng(0)
    order = rng.random(clean.reshape(*clean.shape[:2], -1).shape).argsort(-1).argsort(-1) < budget
    low = int(clean.min())
    other = low + (clean - low + rng.integers(1, 2 - low, clean.shape)) % (2 - low)
    flipped = np.where(order.reshape(clean.shape), other, clean).astype(np.float32)
    return float((victim.logits(flipped, indices).argmax(1) != labels).mean())


@pytest.mark.parametrize("settings", [SEA(3), SEA(2, encodings=2)])
def test_a_sample_s_flips_are_the_same_bytes_in_any_company(settings, deployed, pictures):
    case, (images, indices) = deployed(SIGNED, "spike_count"), pictures
    labels = np.arange(len(images)) % 10
    victim = EncodingVictim(case.model, case.deployment)

    def attacked(chosen: np.ndarray) -> np.ndarray:
        return attack_encoding(
            settings, victim, images[chosen], labels[chosen], indices[chosen], FlipBudget(4), draw=2
        ).frames

    whole = attacked(np.arange(90))
    chosen = np.random.default_rng(3).permutation(90)[:17]
    assert (attacked(chosen) == whole[chosen]).all()


def test_lava_executes_what_was_attacked(deployed, pictures):
    case, (images, indices) = deployed(SIGNED, "membrane"), pictures
    (outcome,) = evaluate_flips(
        case.model, case.deployment, images[:3], np.zeros(3, dtype=int), indices[:3], backend("lava"),
        [SEA(2)], [FlipBudget(3)],
    )  # fmt: skip
    assert outcome.executed.record.backend == "lava" and outcome.surprises == 0


def test_fresh_encodings_are_not_the_one_that_is_executed(deployed, pictures, monkeypatch):
    case, (images, indices) = deployed(RATE, "membrane"), pictures
    victim, asked = EncodingVictim(case.model, case.deployment), []
    ask = victim.logits_and_gradient

    def watching(frames, labels, keys, loss="cross_entropy", draw=0):
        asked.append(draw)
        return ask(frames, labels, keys, loss, draw)

    monkeypatch.setattr(victim, "logits_and_gradient", watching)
    zeros = np.zeros(8, dtype=int)
    attack_encoding(SEA(2, 3), victim, images[:8], zeros, indices[:8], FlipBudget(4), draw=5)
    assert asked == [6, 7, 8, 9, 10, 11]


def test_impossible_requests_are_refused(deployed, pictures):
    with pytest.raises(SettingsError, match=r"budget of 0 flips .* Give at least 1"):
        FlipBudget(0)
    for values in ({"iterations": 0}, {"encodings": 0}):
        with pytest.raises(SettingsError, match=r"SEA with .*=0 does nothing. Give"):
            SEA(**values)
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    arguments = (case.model, case.deployment, images[:2], np.zeros(2, dtype=int), indices[:2])
    with pytest.raises(SettingsError, match="encoding direct sends analog values"):
        evaluate_flips(*arguments, backend("simulator"), [SEA()], [FlipBudget(1)])
    victim, _ = linear_victim(RATE)
    with pytest.raises(DataError, match=r"\(3, 1, 1, 5\) do not fit its input \(2, 5\)"):
        victim.logits(np.zeros((1, 3, 1, 1, 5), np.float32), np.arange(1))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda frames: frames[:, :1], "attacked frames for"),
        (lambda frames: frames * 2, r"other entries than 0\.\.1"),
        (lambda frames: 1 - frames, "sample 0 has 5 flips in frame 0, and 2 are allowed"),
    ],
)
def test_more_than_the_budget_allows_is_a_defect(change, problem):
    frames = np.eye(5, dtype=np.int8).reshape(1, 5, 1, 1, 5)
    FlipBudget(2).check(frames, np.roll(frames, 1, axis=-1), 0)
    with pytest.raises(ThreatModelError, match=problem):
        FlipBudget(2).check(frames, change(frames), 0)
