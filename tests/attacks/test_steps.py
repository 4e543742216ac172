from __future__ import annotations

import math

import pytest
import torch

from lavarobust.attacks.craft import climb
from lavarobust.attacks.steps import AdaptiveSteps, AutoSteps, Checkpoints, MomentumSteps, SignSteps
from lavarobust.attacks.threat import ThreatModel

HALF = torch.full((1, 1, 1, 2), 0.5)
BOX = ThreatModel(0.25)


def _pixels(*values: float) -> torch.Tensor:
    return torch.tensor(values).view(1, 1, 1, -1)


def test_sign_steps_stay_in_the_box_and_stand_still_without_gradient():
    steps = SignSteps(HALF, BOX, 0.2)
    once = steps.next(HALF, None, _pixels(1e-30, 0.0))
    torch.testing.assert_close(once, _pixels(0.7, 0.5))
    torch.testing.assert_close(steps.next(once, None, _pixels(3.0, -1.0)), _pixels(0.75, 0.3))


@pytest.mark.parametrize("scale", [1.0, 1e-30])
def test_euclidean_steps_have_the_length_asked_for(scale):
    steps = SignSteps(HALF, ThreatModel(0.25, "l2"), 0.1)
    moved = steps.next(HALF, None, scale * _pixels(3.0, -4.0))
    torch.testing.assert_close(moved, _pixels(0.56, 0.42))
    far = SignSteps(HALF, ThreatModel(0.25, "l2"), 9.0).next(HALF, None, scale * _pixels(3.0, -4.0))
    torch.testing.assert_close(far, _pixels(0.65, 0.30))


def test_momentum_adds_gradients_of_mean_magnitude_one():
    steps = MomentumSteps(HALF, BOX, 0.01, decay=0.5)
    first = steps.next(HALF, None, _pixels(6.0, 2.0))  # (1.5, 0.5)
    torch.testing.assert_close(first, _pixels(0.51, 0.51))
    second = steps.next(first, None, _pixels(-0.1, -0.3))  # (0.75 - 0.5, 0.25 - 1.5)
    torch.testing.assert_close(second, _pixels(0.52, 0.50))


def test_checkpoints_are_those_of_the_paper():
    # Croce & Hein 2020, section 3.1, with 100 steps
    assert list(Checkpoints(100).distances) == [22, 41, 57, 70, 80, 87, 93, 99]
    assert Checkpoints(100).passed(41) == 19 and Checkpoints(100).passed(42) == 0


def _quadratic(top: torch.Tensor):
    """A loss with its maximum at ``top``."""

    def slope(here: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return -(here - top).square().flatten(1).sum(1).double(), 2 * (top - here)

    return slope


def test_auto_steps_first_move_is_a_whole_step_and_the_next_has_momentum():
    steps = AutoSteps(HALF, BOX, 100)
    first = steps.next(HALF, torch.zeros(1, dtype=torch.float64), _pixels(1.0, -1.0))
    torch.testing.assert_close(first, _pixels(0.75, 0.25))  # 2 * epsilon, cut to the box
    second = steps.next(first, torch.ones(1, dtype=torch.float64), _pixels(-1.0, -1.0))
    # aim (0.25, 0.25); 0.75 of the way there and a quarter of the move before, cut to the box
    torch.testing.assert_close(second, _pixels(0.75 - 0.375 + 0.0625, 0.25))


def test_auto_steps_halve_only_the_samples_that_do_not_gain():
    images = torch.full((2, 1, 1, 1), 0.5)
    steps, here = AutoSteps(images, BOX, 10), images
    gains = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for step in range(3):  # the first checkpoint lies after two steps
        here = steps.next(here, step * gains, torch.ones_like(images))
    assert steps.size.tolist() == [0.5, 0.25]


@pytest.mark.parametrize("kind", [AutoSteps, AdaptiveSteps])
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_adaptive_steps_settle_at_a_maximum_inside(kind, norm):
    threat, top = ThreatModel(0.25, norm), _pixels(0.6, 0.45)
    steps = kind(HALF, threat, 100)
    end = climb(_quadratic(top), HALF, steps, 100)
    best = steps.best if kind is AutoSteps else end
    torch.testing.assert_close(best, top, atol=0.01, rtol=0)


def test_adaptive_steps_by_hand():
    steps = AdaptiveSteps(HALF, BOX, 100)
    # scaled (1.5, 0.5); second moment (2.25, 0.25) over its mean 1.25; ratios 1.118 in both, cut to epsilon
    first = steps.next(HALF, None, _pixels(3.0, 1.0))
    torch.testing.assert_close(first, _pixels(0.75, 0.75))
    # momentum (0.75, 0.25) + (0.5, -1.5); second moment 0.8 * (1.8, 0.2) + (0.2, 1.8)
    second = steps.next(first, None, _pixels(1.0, -3.0))
    move = -0.25 * 1.25 / math.sqrt(0.8 * 0.2 + 1.8)
    torch.testing.assert_close(second, _pixels(0.75, 0.75 + move))


@pytest.mark.parametrize("kind", [AutoSteps, AdaptiveSteps])
def test_steps_of_a_sample_do_not_depend_on_its_company(kind):
    generator = torch.Generator().manual_seed(1)
    images, tops = (torch.rand(8, 1, 2, 3, generator=generator) for _ in range(2))

    def end(chosen: slice) -> torch.Tensor:
        part = images[chosen]
        return climb(_quadratic(tops[chosen]), part, kind(part, BOX, 30), 30)

    assert torch.equal(end(slice(0, 8))[3:5], end(slice(3, 5)))
