"""Each check on a victim that was made to set it off, and on one whose gradients say all there is to say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from planted import Planted, withstood

from lavarobust.attacks import ThreatModel
from lavarobust.attacks.checks import Check
from lavarobust.attacks.probes import Probes
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import quick
from lavarobust.dynamics import Analog, Averaged

EPSILON = 1 / 16
THREAT = ThreatModel(EPSILON)
GREY = Samples(np.full((60, 1, 2, 2), 0.5, dtype=np.float32), np.zeros(60, dtype=np.int64), np.arange(60))


class Guided(torch.nn.Module):
    """Class 1 wins where ``rise`` of the images ``(N, pixels)`` is above 0; attacks follow ``slope`` of them.

    The slope is the gradient of the rise that a backward pass returns; None is the true one.
    """

    def __init__(self, rise, slope=None, stochastic=False):
        super().__init__()
        self.rise, self.slope, self.stochastic = rise, slope, stochastic

    def forward(self, images, indices, draw):
        pixels = images.flatten(1)
        rise = self.rise(pixels)
        if self.slope is not None:
            led = (pixels * self.slope(pixels.detach(), draw)).sum(1)
            rise = rise.detach() + led - led.detach()
        return torch.stack([torch.zeros_like(rise), rise], 1)


def _linear(pixels: torch.Tensor) -> torch.Tensor:
    """Above 0 where the mean change exceeds a half of epsilon."""
    return (pixels - 0.5).mean(1) - EPSILON / 2


def _well(pixels: torch.Tensor) -> torch.Tensor:
    """Only a narrow well fools, with walls that lead to it: as wide as four fifths of a step of PGD-100."""
    return EPSILON / 60 - (pixels[:, 0] - 0.5 - 0.45 * EPSILON).abs()


HEALTHY = Guided(_linear)
DEAD_ENDS = Guided(_linear, lambda pixels, draw: torch.zeros_like(pixels))
REVERSED = Guided(_linear, lambda pixels, draw: -torch.ones_like(pixels))
ON_THE_GRID = Guided(_linear, lambda pixels, draw: torch.where(pixels == 0.5, 1.0, -1.0))
"""Right where the images lie, and reversed beside them."""
OSCILLATING = Guided(
    lambda pixels: torch.cos(3e4 * (pixels[:, 0] - 0.5)) * -1, lambda pixels, draw: pixels * 0
)
TWO_WAYS = Guided(
    lambda pixels: pixels[:, 0] - 0.5 - 0.9 * EPSILON,
    lambda pixels, draw: torch.where(pixels > 0.5 + 0.4 * EPSILON, 1.0, -1.0),
)
"""Downhill from the image, and uphill only from where three starts in ten lie."""
MIDDLE_OF_LEVEL = Guided(
    lambda pixels: (torch.round(pixels * 4) - 2).abs().amax(1) - 0.5,
    lambda pixels, draw: torch.round(pixels * 4) / 4 - pixels,
)
"""Four levels; gradients lead back to the middle of each, which a whole step overshoots."""


def _noisy(size: float) -> Guided:
    def slope(pixels: torch.Tensor, draw: int) -> torch.Tensor:
        noise = np.random.default_rng(draw).choice([-1.0, 1.0], pixels.shape[1])
        return 1 + size * torch.from_numpy(noise).float().expand_as(pixels)

    return Guided(_linear, slope, stochastic=True)


def _probes(target, threat=THREAT, samples=GREY) -> Probes:
    return Probes(target, quick(), samples, threat, withstood(target, samples, threat))


def _named(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


@pytest.fixture(scope="module")
def healthy() -> Probes:
    """Half of the samples lie as far below the threshold as no image of the box reaches."""
    images = GREY.images.copy()
    images[::2] -= 1 / 16
    return _probes(Planted(HEALTHY, level=1 / 64), samples=replace(GREY, images=images))


QUESTIONS = {
    "gradients": ["zero gradients", "the loss rises"],
    "single_step": ["one step is not stronger than many"],
    "noise": ["noise is not stronger"],
    "scores": ["Square-500, which knows scores alone, is not stronger"],
    "more_steps": ["a PGD of more steps is not stronger"],
    "restarts": ["a PGD of five restarts is not stronger"],
    "transfer": ["transfer from the analog twin is not stronger"],
    "surrogates": ["PGD-20 through 8 gradients is not stronger"],
    "input_levels": ["PGD-20 by whole levels of 0.0156 is not stronger"],
    "radius": ["a larger epsilon is not weaker", "without a bound nothing is robust"],
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_true_gradients_set_nothing_off(healthy, question):
    assert healthy.robust.sum() == 30
    checks = getattr(healthy, question)()
    assert [check.name for check in checks] == QUESTIONS[question]
    assert not any(check.fired for check in checks), checks


@pytest.mark.parametrize(
    ("question", "module", "fires"),
    [
        ("gradients", DEAD_ENDS, {"zero gradients"}),
        ("gradients", REVERSED, {"the loss rises"}),
        ("single_step", ON_THE_GRID, {"one step is not stronger than many"}),
        ("noise", OSCILLATING, {"noise is not stronger"}),
        ("scores", REVERSED, {"Square-500, which knows scores alone, is not stronger"}),
        ("more_steps", Guided(_well), {"a PGD of more steps is not stronger"}),
        ("restarts", TWO_WAYS, {"a PGD of five restarts is not stronger"}),
        ("radius", Guided(_well), {"a larger epsilon is not weaker", "without a bound nothing is robust"}),
    ],
)
def test_what_hides_from_gradients_sets_its_check_off(question, module, fires):
    checks = getattr(_probes(Planted(module)), question)()
    assert {check.name for check in checks if check.fired} >= fires, checks


def test_a_loss_that_rises_by_chance_alone_is_told_from_one_without_gradients():
    found = _named(_probes(Planted(REVERSED)).gradients())
    assert not found["zero gradients"].fired and found["the loss rises"].fired


def test_the_sweep_of_steps_is_told(healthy):
    (check,) = healthy.more_steps()
    sweep = "7 steps 30 of 60, 20 steps 30 of 60, 40 steps 30 of 60, 100 steps 30 of 60"
    assert check.said == f"fools 30 of 60, of which 0 were called robust; {sweep}"


def test_another_gradient_that_finds_more_is_named():
    target = Planted(REVERSED, through={Averaged(): HEALTHY})
    (check,) = _probes(target).surrogates()
    assert check.fired and check.said.endswith("most through HART: 60 of 60")


def test_images_of_the_analog_twin_and_of_another_model_that_fool_more_are_found_out():
    (twin,) = _probes(Planted(REVERSED, through={Analog(): HEALTHY})).transfer()
    assert twin.fired and twin.said.startswith("fools 60 of 60")
    twin, other = _probes(Planted(REVERSED, other=HEALTHY)).transfer()
    assert not twin.fired and other.fired
    assert other.name == "transfer from another model is not stronger"
    assert not any(check.fired for check in _probes(Planted(HEALTHY, other=REVERSED)).transfer())


def test_too_few_draws_of_a_gradient_are_found_out():
    (check,) = _probes(Planted(_noisy(10.0))).draws()
    assert check.fired and "over 1 " in check.said and "over 10 " in check.said
    (check,) = _probes(Planted(_noisy(0.5))).draws()
    assert not check.fired
    (check,) = _probes(Planted(_noisy(0.5), expectation=20)).draws()
    assert not check.fired and check.name == "a gradient over 40 draws is not stronger"
    assert _probes(Planted(HEALTHY)).draws() == []


def test_steps_of_whole_levels_cross_what_small_steps_do_not():
    threat = ThreatModel(0.15)
    (check,) = _probes(Planted(MIDDLE_OF_LEVEL, level=0.25), threat).input_levels()
    assert check.fired and check.said.startswith("fools 60 of 60")
    for level in (None, 1 / 255):
        assert _probes(Planted(MIDDLE_OF_LEVEL, level=level), threat).input_levels() == []


def test_a_step_that_makes_the_model_more_certain_is_found_out():
    wrong = np.arange(60) % 3 == 0
    samples = replace(GREY, labels=wrong.astype(np.int64))  # of class 1, and a step from it
    for module, fired in ((HEALTHY, False), (REVERSED, True)):
        (check,) = _probes(Planted(module)).help(samples)
        assert check.fired == fired
        assert check.name == "an attack does not help the model"
    assert check.said.startswith("one step of epsilon: 100.0% right instead of 66.7%, 100.0% of the right")


def test_what_only_fractions_of_a_bit_hide_is_told():
    fractions = Guided(lambda pixels: (pixels * 255 - torch.round(pixels * 255)).abs().amax(1) - 0.1)
    images = np.full_like(GREY.images, 127 / 255)
    samples = replace(GREY, images=images)
    bits, levels = _probes(Planted(fractions), samples=samples).rounded_images()
    assert bits.said == "0 of 60 found still fool" and not bits.fired
    assert levels.said == "; ".join(f"{bits}-bit: 100.0% clean, 100.0% attacked" for bits in (4, 2, 1))
    bits, _ = _probes(Planted(HEALTHY)).rounded_images()
    # the first image on the way that fools does so by little, and loses some of that
    assert bits.said in ("59 of 60 found still fool", "60 of 60 found still fool")


def test_a_ball_without_bound_is_as_wide_as_all_images():
    probes = _probes(Planted(HEALTHY), ThreatModel(2 * EPSILON, "l2"))
    larger, unbounded = probes.radius()
    assert not larger.fired and not unbounded.fired and unbounded.said.endswith("0% at 2")
    assert probes.input_levels() == []
