from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.attacks.threat import ThreatModel, ThreatModelError, linf_box
from lavarobust.errors import SettingsError

PIXEL = st.floats(0, 1, width=32)


@given(PIXEL, st.floats(0, 1))
def test_box_is_the_largest_inside_epsilon_and_pixel_range(pixel, epsilon):
    clean = torch.tensor(pixel, dtype=torch.float32)
    for bound, outwards in zip(linf_box(clean, epsilon), (-torch.inf, torch.inf), strict=True):
        assert abs(bound.double() - clean.double()) <= epsilon
        assert 0 <= bound <= 1
        further = float(torch.nextafter(bound, torch.tensor(outwards)))
        assert abs(Fraction(further) - Fraction(pixel)) > Fraction(epsilon) or not 0 <= further <= 1


@given(PIXEL, st.sampled_from([1 / 255, 2 / 255, 8 / 255, 0.1, 0.3]))
def test_corners_of_the_box_pass_the_check_and_a_millionth_more_does_not(pixel, epsilon):
    clean = np.full((1, 1, 1, 1), pixel, dtype=np.float32)
    for bound, outwards in zip(linf_box(torch.from_numpy(clean), epsilon), (-1e-6, 1e-6), strict=True):
        ThreatModel(epsilon).check(clean, bound.numpy())
        with pytest.raises(ThreatModelError):
            ThreatModel(epsilon).check(clean, bound.numpy() + np.float32(outwards))


def test_check_counts_what_is_outside():
    clean = np.full((3, 1, 2, 2), 0.5, dtype=np.float32)
    moved = clean.copy()
    moved[1, 0, 0, 0], moved[2, 0, 1, 1] = 0.7, np.nan
    with pytest.raises(ThreatModelError, match=r"2 adversarial images leave .* first at position 1"):
        ThreatModel(0.1).check(clean, moved)
    with pytest.raises(ThreatModelError):
        ThreatModel(0.1).check(clean, clean[:2])


@pytest.mark.parametrize("epsilon", [-0.1, 8.0, float("nan"), float("inf")])
def test_impossible_epsilon_is_refused(epsilon):
    with pytest.raises(SettingsError, match="epsilon"):
        ThreatModel(epsilon)


def test_unknown_norm_is_refused():
    with pytest.raises(SettingsError, match="norm 'l1'"):
        ThreatModel(0.1, norm="l1")


def _pictures(count: int = 50) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(3).random((count, 2, 3, 4), dtype=np.float32))


@given(st.integers(0, 1000), st.sampled_from([1e-3, 0.1, 0.5, 128 / 255, 2.0]))
def test_l2_projection_ends_inside_and_leaves_what_is_inside(seed, epsilon):
    clean, threat = _pictures(5), ThreatModel(epsilon, "l2")
    generator = torch.Generator().manual_seed(seed)
    far = clean + 2 * torch.randn(clean.shape, generator=generator)
    back = threat.project(clean, far)
    threat.check(clean.numpy(), back.numpy())
    assert torch.equal(threat.project(clean, back), back)
    change = (far - clean).double()
    share = (epsilon / change.flatten(1).norm(dim=1)).clamp(max=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(back.double(), (clean + share * change).clamp(0, 1), rtol=0, atol=3e-7)


def test_l2_is_checked_on_the_length_of_the_change():
    clean = np.full((1, 1, 1, 2), 0.5, dtype=np.float32)
    moved = clean + np.array([0.25, 0.0], dtype=np.float32)
    ThreatModel(0.25, "l2").check(clean, moved)
    moved[0, 0, 0, 1] += np.float32(0.01)
    with pytest.raises(ThreatModelError):
        ThreatModel(0.25, "l2").check(clean, moved)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_starts_lie_where_they_say(norm):
    clean, threat = torch.full((400, 1, 3, 4), 0.5), ThreatModel(0.25, norm)
    draws = torch.from_numpy(np.random.default_rng(4).random(clean.shape))
    inside, edge = threat.uniform(clean, draws), threat.edge(clean, draws)
    for found in (inside, edge):
        threat.check(clean.numpy(), found.numpy())

    def size(found: torch.Tensor) -> torch.Tensor:
        change = (found - clean).double().flatten(1)
        return change.abs().amax(1) if norm == "linf" else change.norm(dim=1)

    torch.testing.assert_close(size(edge), torch.full((400,), 0.25, dtype=torch.float64), rtol=1e-5, atol=0)
    if (
        norm == "l2"
    ):  # in a ball of 12 dimensions half of the volume lies beyond 0.5 ** (1 / 12) of its radius
        assert (size(inside) > 0.25 * 0.5 ** (1 / 12)).double().mean() == pytest.approx(0.5, abs=0.08)
    else:
        assert (inside - clean).abs().mean() == pytest.approx(0.125, abs=0.005)
