from __future__ import annotations

import pytest
import torch

from lavarobust.dynamics import SURROGATES, Surrogate, straight_through
from lavarobust.errors import SettingsError


@pytest.mark.parametrize(
    ("name", "width", "at_threshold", "away"),
    [
        ("triangular", 2.0, 0.5, 0.25),
        ("rectangular", 2.0, 0.5, 0.0),
        ("exponential", 1.0, 0.5, 0.5 * 2.718281828**-1),
        ("arctangent", 2.0, 1.0, 1 / (1 + 3.14159265**2)),
        ("sigmoid", 4.0, 1.0, 4 * 0.98201379 * 0.01798621),
        ("gaussian", 1.0, 0.39894228, 0.24197072),
        ("identity", 1.0, 1.0, 1.0),
    ],
)
def test_values_at_and_one_threshold_above(name, width, at_threshold, away) -> None:
    slope = Surrogate(name, width).derivative(torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(slope, torch.tensor([at_threshold, away]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in SURROGATES if name != "identity"])
def test_integrates_to_one(name) -> None:
    z = torch.linspace(-400, 400, 4_000_001, dtype=torch.float64)
    area = torch.trapezoid(Surrogate(name, 1.0).derivative(z.clone()), z)
    assert abs(area.item() - 1) < 2e-3


def test_straight_through_is_one_everywhere_and_through_the_reset() -> None:
    rule = straight_through()
    assert torch.equal(rule.derivative(torch.tensor([-9.0, 0.0, 0.5, 100.0])), torch.ones(4))
    assert rule.through_reset


def test_a_factor_scales_the_derivative() -> None:
    """HIRE-SNN's 0.3 * max(0, 1 - |z|) (Kundu et al. 2021, Eq. 5)."""
    slope = Surrogate("triangular", scale=0.3).derivative(torch.tensor([-1.5, -0.5, 0.0, 0.75]))
    torch.testing.assert_close(slope, torch.tensor([0.0, 0.15, 0.3, 0.075]))


@pytest.mark.parametrize("name", list(SURROGATES))
def test_a_width_in_units_of_drive_stays_where_the_threshold_moves(name) -> None:
    """The derivative by the drive itself, at one distance in drive from thresholds 1 and 0.2."""
    fixed, away = Surrogate(name, 1.5, relative=False), torch.tensor([-0.15, 0.0, 0.3])
    at_one = fixed.at(1.0).derivative(away)
    torch.testing.assert_close(fixed.at(0.2).derivative(away / 0.2) / 0.2, at_one)
    growing = Surrogate(name, 1.5)
    assert growing.at(0.2) == growing


def test_does_not_change_its_argument() -> None:
    for name in SURROGATES:
        z = torch.linspace(-2, 2, 9)
        before = z.clone()
        Surrogate(name).derivative(z)
        assert torch.equal(z, before)


def test_impossible_choices_name_what_is_allowed() -> None:
    with pytest.raises(SettingsError, match="triangular, rectangular"):
        Surrogate("step")
    with pytest.raises(SettingsError, match="positive"):
        Surrogate("triangular", 0.0)
    with pytest.raises(SettingsError, match="scale nan"):
        Surrogate("triangular", scale=float("nan"))
