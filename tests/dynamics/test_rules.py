"""Gradient rules on two neurons and three steps, by hand.

A threshold of 2 is 128 state units. Neuron A is sent 1, 2, 1 and stands 1/2 below, above and below it;
B is sent 0, 1, 0 and never spikes.
"""

from __future__ import annotations

import math
from statistics import stdev

import pytest
import torch

from lavarobust.dynamics import (
    LIF,
    AdaptiveSharpness,
    Averaged,
    PotentialDependent,
    RateGradient,
    RateMask,
    Surrogate,
    integrate,
    integrate_by,
    straight_through,
)
from lavarobust.dynamics.rules import _spread
from lavarobust.dynamics.sharpness import SHAPES, Statistics
from lavarobust.errors import SettingsError

SUMS = torch.tensor([[[1.0, 0]], [[2, 1]], [[1, 0]]])
WANTED = torch.tensor([[[1.0, 1]], [[2, 1]], [[4, 1]]])
POTENTIALS = [[0.5, 0], [1.5, 0.5], [0.5, 0.5]]
"""In thresholds, before each reset."""


def gradient_of(rule, neuron=None, sums=SUMS, wanted=WANTED) -> torch.Tensor:
    """Of the sums; 64 / 128 of that of the current in thresholds."""
    sums = sums.clone().requires_grad_()
    neuron = neuron or LIF(4096, 0, 2)
    if isinstance(rule, Surrogate):
        made = integrate(sums, len(wanted), LIF(4096, 0, 2, rule, neuron.reset))
    else:
        made = integrate_by(rule, sums, len(wanted), neuron)
    (gradient,) = torch.autograd.grad(made.spikes, sums, wanted)
    return gradient


def test_a_mask_of_the_neurons_that_spiked() -> None:
    torch.testing.assert_close(gradient_of(RateMask())[:, 0], torch.tensor([[0.5, 0], [1, 0], [2, 0]]))


def test_a_current_that_holds_counts_in_every_step_in_which_it_does() -> None:
    """Sent once, A's current 1 lasts three steps: potentials 64, 128, 192, a spike in the last."""
    once = torch.tensor([[[1.0, 0]]])
    gradient = gradient_of(RateMask(), LIF(0, 0, 2), once)
    torch.testing.assert_close(gradient[0, 0], torch.tensor([0.5 * (1 + 2 + 4), 0]))
    # average drive of A: 1/2 of a threshold, at a slope of 1/2
    torch.testing.assert_close(
        gradient_of(RateGradient(), LIF(0, 0, 2), once)[0, 0], torch.tensor([0.25 * 7, 0.25 * 3])
    )


def test_the_rate_curve_of_a_neuron_that_does_not_leak() -> None:
    """Average drives 2/3 and 1/6: both on the one straight piece up to 2."""
    expected = torch.tensor([[0.25, 0.25], [0.5, 0.25], [1, 0.25]])
    torch.testing.assert_close(gradient_of(RateGradient())[:, 0], expected)


@pytest.mark.parametrize(
    ("drive", "slope"),
    [(-1, 0), (0, 0.2), (1, 0.2), (2, 0.6), (4, 0.6), (8, 0.6), (9, 0)],
)
def test_the_rate_curve_of_a_leaky_neuron(drive, slope) -> None:
    """tau = 1/2: 0.2 below half a threshold, (1 - 0.1) / 1.5 up to two; a sum counts 1/4 threshold here."""
    sums = torch.full((3, 1, 1), float(drive))
    gradient = gradient_of(RateGradient(), LIF(4096, 2048, 4), sums, torch.ones(3, 1, 1))
    torch.testing.assert_close(gradient, torch.full((3, 1, 1), slope / 4))


def test_a_rate_curve_at_another_threshold_in_drive() -> None:
    """craree's form: in drive 0.2, then (1 - 0.2 th + 0.2 th tau) / ((tau + beta - 1) th)."""
    threshold, tau = 0.5, 0.5
    neuron, ones = LIF(4096, 2048, 4), torch.ones(1, 1, 1)
    rule = RateGradient().at(threshold)
    low, high = (gradient_of(rule, neuron, torch.full((1, 1, 1), x), ones).item() * 4 for x in (1.0, 4.0))
    assert low == pytest.approx(0.2 * threshold)
    published = (1 - 0.2 * threshold + 0.2 * threshold * tau) / ((tau + 1) * threshold)
    assert high == pytest.approx(published * threshold)


def test_a_bias_drives_too() -> None:
    """A drive of -1/2 from the sums and 3/4 from the bias is 1/4 of a threshold."""
    sums = torch.full((2, 1, 1), -1.0)
    bias = torch.full((1,), 96.0, requires_grad=True)
    made = integrate_by(RateGradient(), sums, 2, LIF(4096, 0, 2), bias)
    (gradient,) = torch.autograd.grad(made.spikes.sum(), bias)
    assert gradient.item() == pytest.approx(2 * 0.5 / 128)


def test_the_average_over_steps_of_a_triangle() -> None:
    """A: (1 + 2 + 4) / 2 over 3 steps; B: its first step is a threshold away, (0 + 1/2 + 1/2) over 3."""
    expected = torch.tensor([[7 / 12, 1 / 6]] * 3)
    torch.testing.assert_close(gradient_of(Averaged())[:, 0], expected)


def slopes_of_the_potentials() -> list[list[float]]:
    """A Gaussian around half a deviation above the threshold."""
    made = []
    for step, row in enumerate(POTENTIALS):
        sigma = stdev(value for earlier in POTENTIALS[: step + 1] for value in earlier)
        peak = 1 / (math.sqrt(2 * math.pi) * sigma)
        made.append([peak * math.exp(-(((v - 1 - sigma / 2) / sigma) ** 2) / 2) for v in row])
    return made


@pytest.mark.parametrize("through_reset", [False, True])
def test_potentials_set_the_width(through_reset) -> None:
    """Backwards by hand: what a potential's gradient leaves to the step before is cut by A's spike."""
    slopes, expected = slopes_of_the_potentials(), torch.zeros(3, 2)
    for k in range(2):
        carried = 0.0
        for step in (2, 1, 0):
            potential, slope = POTENTIALS[step][k], slopes[step][k]
            left = float(potential <= 1) - (potential * slope if through_reset else 0)
            carried = carried * left + slope * WANTED[step, 0, k].item()
            expected[step, k] = carried / 2
    torch.testing.assert_close(gradient_of(PotentialDependent(through_reset))[:, 0], expected)


def test_a_sample_has_the_spread_of_its_own_and_channels_have_theirs() -> None:
    values = torch.arange(2 * 2 * 3 * 2 * 2, dtype=torch.float32).reshape(2, 2, 3, 2, 2) ** 2
    spread = _spread(values)
    assert spread.shape == (2, 2, 3, 1, 1)
    assert spread[1, 1, 2].item() == pytest.approx(stdev(values[:, 1, 2].flatten().tolist()))
    assert spread[0, 0, 1].item() == pytest.approx(stdev(values[0, 0, 1].flatten().tolist()))


def test_potentials_without_spread_count_as_spread_by_a_threshold() -> None:
    """One neuron, one step, half a threshold below: a standard normal density at -1/2 - 1/2."""
    gradient = gradient_of(PotentialDependent(), sums=torch.ones(1, 1, 1), wanted=torch.ones(1, 1, 1))
    assert gradient.item() == pytest.approx(0.5 * math.exp(-0.5) / math.sqrt(2 * math.pi))
    assert not _spread(torch.full((4, 1, 7), 8_388_607.0)).any()


def test_moments_of_two_iterations() -> None:
    rule = AdaptiveSharpness(mean_share=0.9, deviation_share=0.8)
    first = rule.updated(Statistics.first(torch.zeros(1)), torch.tensor([-3.0]))
    # M = 0.9 + 0.1 * 3, D = 0.2 * |3 - 1.2|
    assert (first.mean.item(), first.deviation.item()) == pytest.approx((1.2, 0.36))
    second = rule.updated(first, torch.tensor([0.2]))
    # M = 0.9 * 1.2 + 0.1 * 0.2, D = 0.8 * 0.36 + 0.2 * |0.2 - 1.1|
    assert (second.mean.item(), second.deviation.item()) == pytest.approx((1.1, 0.468))


def test_an_arctangent_as_sharp_as_its_moments_say() -> None:
    """One neuron, one step, z = -1/2: M = 0.95, D = 0.1 * 0.45, sharpness a / (M + 1.5 D + 1e-4)."""
    gradient = gradient_of(AdaptiveSharpness(), sums=torch.ones(1, 1, 1), wanted=torch.ones(1, 1, 1))
    alpha = 2 / math.pi * math.tan(math.pi * 0.425) / (0.95 + 1.5 * 0.045 + 1e-4)
    assert gradient.item() == pytest.approx(0.5 * alpha / 2 / (1 + (math.pi / 2 * alpha * 0.5) ** 2))


@pytest.mark.parametrize("shape", list(SHAPES))
def test_a_bound_is_half_the_area_within_the_stretch(shape) -> None:
    """Each neuron once: z runs over [-1, 1], with statistics that make it alpha = a."""
    rule = AdaptiveSharpness(shape, bound=0.3, relaxation=0)
    remembered = Statistics(torch.full((1, 1, 20_001), 1 - 1e-4), torch.zeros(1, 1, 20_001))
    sums = torch.linspace(0, 20_000, 20_001).view(1, 1, -1).round().requires_grad_()
    made = integrate_by(rule, sums, 1, LIF(4096, 0, 10_000), recall=lambda distance: remembered)
    (gradient,) = torch.autograd.grad(made.spikes.sum(), sums)
    assert gradient.double().sum().item() == pytest.approx(0.6, abs=2e-3)


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_straight_through_a_reset(reset) -> None:
    """A soft reset leaves v - s and takes its slope, 1; a hard one leaves (1 - s) v and takes v too."""
    expected = torch.zeros(3, 2)
    for k in range(2):
        carried = 0.0
        for step in (2, 1, 0):
            potential = ([[0.5, 0], [1.5, 0.5], [1.0, 0.5]] if reset == "soft" else POTENTIALS)[step][k]
            left = 1 - 1 if reset == "soft" else float(potential <= 1) - potential
            carried = carried * left + WANTED[step, 0, k].item()
            expected[step, k] = carried / 2
    gradient = gradient_of(straight_through(), LIF(4096, 0, 2, reset=reset))
    torch.testing.assert_close(gradient[:, 0], expected)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: RateGradient(low=1.5), "low of 0 to 1"),
        (lambda: RateGradient(reach=1.0), "reach above 1"),
        (lambda: Averaged(0.0), "positive"),
        (lambda: AdaptiveSharpness("exponential"), "arctangent, rectangular"),
        (lambda: AdaptiveSharpness(bound=0.5), "between 0 and 0.5"),
        (lambda: AdaptiveSharpness(relaxation=-1.0), "0 or more"),
        (lambda: AdaptiveSharpness(mean_share=1.0), "mean_share=1.0"),
    ],
)
def test_impossible_values_are_named(make, match) -> None:
    with pytest.raises(SettingsError, match=match):
        make()
