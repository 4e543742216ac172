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
    with pytest.raises(SettingsError, match="norm 'l2'"):
        ThreatModel(0.1, norm="l2")
