"""Adaptive sharpness over the iterations of an attack, sample by sample."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import PGD, EncodingVictim, ExpectedVictim, IntegerVictim, ThreatModel, attack
from lavarobust.attacks.memory import SharpnessMemory
from lavarobust.dynamics import AdaptiveSharpness
from lavarobust.dynamics.sharpness import Statistics
from lavarobust.errors import DataError
from lavarobust.netx.deployment import Encoding

DIRECT, RATE = Encoding("direct", 16), Encoding("rate", seed=3)
RULE = AdaptiveSharpness()


def iterated(victim: IntegerVictim, images: np.ndarray, chosen: np.ndarray, indices: np.ndarray) -> list:
    """Gradients of three iterations from one start, each at other images."""
    victim.forget()
    labels = indices % 10
    return [
        victim.loss_gradient(np.roll(images, step, 3)[chosen], labels[chosen], indices[chosen])
        for step in range(3)
    ]


def test_samples_are_remembered_by_index_and_layer() -> None:
    memory = SharpnessMemory(RULE)
    seen = torch.tensor([[[-3.0], [0.0], [0.5]]])  # one step, three rows, one neuron
    memory.of(np.array([7, 9]), np.array([0, 2]), held=False)(0, seen)
    again = memory.of(np.array([9, 8]), np.array([1, 0]), held=True)(0, torch.zeros(1, 3, 1))
    # M = 0.9 + 0.1 * 0.5 and D = 0.1 * |0.5 - 0.95|, beside a sample that is new and a row of none
    torch.testing.assert_close(again.mean.flatten(), torch.tensor([1.0, 0.95, 1.0]))
    torch.testing.assert_close(again.deviation.flatten(), torch.tensor([0.0, 0.045, 0.0]))
    assert memory.of(np.array([9]), np.array([0]), held=True)(1, torch.zeros(1, 1, 1)).mean.item() == 1
    memory.forget()
    assert memory.of(np.array([9]), np.array([0]), held=True)(0, torch.zeros(1, 1, 1)).mean.item() == 1


def test_what_is_counted_is_used_at_once() -> None:
    memory, distance = SharpnessMemory(RULE), torch.full((2, 1, 3), 2.0)
    expected = Statistics.first(distance)
    for _ in range(3):
        expected = RULE.updated(expected, distance)
        now = memory.of(np.array([4]), np.array([0]), held=False)(0, distance)
        assert torch.equal(now.mean, expected.mean) and torch.equal(now.deviation, expected.deviation)


@pytest.mark.parametrize("encoding", [DIRECT, RATE])
def test_iterations_are_the_same_bytes_in_any_batch(deployed, pictures, encoding) -> None:
    case, (images, indices) = deployed(encoding, "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment, RULE, chunk=16)
    whole = iterated(victim, images, np.arange(150), indices)
    assert whole[0].tobytes() != whole[1].tobytes()
    order = np.random.default_rng(6).permutation(150)
    for chosen in (order, order[:37], order[:1], np.arange(20, 90)):
        for all_, some in zip(whole, iterated(victim, images, chosen, indices), strict=True):
            assert some.tobytes() == all_[chosen].tobytes()


def test_gradients_learn_and_nothing_else_does(deployed, pictures) -> None:
    case, (images, indices) = deployed(DIRECT, "membrane"), pictures
    images, indices = images[:20], indices[:20]
    victim = IntegerVictim(case.model, case.deployment, RULE)

    def gradient() -> bytes:
        return victim.loss_gradient(images, indices % 10, indices).tobytes()

    first, second = gradient(), gradient()
    assert first != second
    victim.forget()
    assert gradient() == first
    victim.logits(images, indices)
    with victim.held():
        held = gradient()
        assert gradient() == held != second
    assert gradient() == second


def test_an_expectation_learns_from_its_first_draw_alone(deployed, pictures) -> None:
    case, (images, indices) = deployed(RATE, "membrane"), pictures
    images, indices = images[:8], indices[:8]
    expected, alone = (IntegerVictim(case.model, case.deployment, RULE) for _ in range(2))
    ExpectedVictim(expected, draws=3).logits_and_gradient(images, indices % 10, indices)
    alone.loss_gradient(images, indices % 10, indices)
    ours, theirs = (
        victim.loss_gradient(images, indices % 10, indices, draw=9) for victim in (expected, alone)
    )
    assert ours.tobytes() == theirs.tobytes()


def test_a_sample_twice_in_a_call_is_refused(deployed, pictures) -> None:
    case, (images, _) = deployed(DIRECT, "membrane"), pictures
    twice = np.array([3, 3])
    with pytest.raises(DataError, match="there twice"):
        IntegerVictim(case.model, case.deployment, RULE).loss_gradient(images[:2], twice, twice)
    IntegerVictim(case.model, case.deployment).loss_gradient(images[:2], twice, twice)


def test_every_climb_begins_anew(deployed, pictures) -> None:
    case, (images, indices) = deployed(DIRECT, "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment, RULE)
    labels = victim.logits(images, indices).argmax(1)
    found = [
        attack(PGD(3), victim, images[part], labels[part], indices[part], ThreatModel(0.05))
        for part in (slice(0, 60), slice(0, 60), slice(30, 60))
    ]
    assert found[0].images.tobytes() == found[1].images.tobytes()
    assert found[0].images[30:].tobytes() == found[2].images.tobytes()


def test_frames_are_attacked_with_it_too(deployed, pictures) -> None:
    case, (images, indices) = deployed(RATE, "membrane"), pictures
    victim = EncodingVictim(case.model, case.deployment, RULE)
    frames = victim.encoded(images[:5], indices[:5])
    first, second = (victim.loss_gradient(frames, indices[:5] % 10, indices[:5]) for _ in range(2))
    assert first.shape == frames.shape and first.tobytes() != second.tobytes()
