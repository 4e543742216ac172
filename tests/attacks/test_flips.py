"""The sparse encoding attack's choice of entries, by hand and in general."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.attacks.flips import Flips, Slope, craft_flips, lowest_entry
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding


def frame(*entries: float) -> torch.Tensor:
    """One frame of one sample, ``(1, 1, 1, 1, n)``."""
    return torch.tensor(entries, dtype=torch.float32).view(1, 1, 1, 1, -1)


def once(frames: torch.Tensor, gradient: torch.Tensor, lowest: int, budget: int) -> torch.Tensor:
    flips = craft_flips(lambda *_: Slope.at(frames, gradient), frames, lowest, budget)
    return flips.applied(frames)


def test_unsigned_entries_flip_where_the_gradient_points_away():
    frames, gradient = frame(1, 0, 1, 0, 1), frame(-3, 2, 1, -5, 0)
    # gains 3, 2, 0, 0, 0
    assert once(frames, gradient, 0, 1).flatten().tolist() == [0, 0, 1, 0, 1]
    assert once(frames, gradient, 0, 2).flatten().tolist() == [0, 1, 1, 0, 1]
    assert once(frames, gradient, 0, 5).flatten().tolist() == [0, 1, 1, 0, 1]


def test_a_signed_entry_that_moves_by_two_counts_twice():
    frames, gradient = frame(1, 0, -1, 0, 1), frame(-1, 1.5, 1, 0, 4)
    # gains (-1 - 1) * -1 = 2, 1.5, 2, 0, 0
    assert once(frames, gradient, -1, 1).flatten().tolist() == [-1, 0, -1, 0, 1]
    assert once(frames, gradient, -1, 2).flatten().tolist() == [-1, 0, 1, 0, 1]
    assert once(frames, gradient, -1, 3).flatten().tolist() == [-1, 1, 1, 0, 1]
    # unsigned, a 1 that is pushed down goes to 0 and counts once
    assert once(frame(1, 0), frame(-1, 1.5), 0, 1).flatten().tolist() == [1, 1]


def test_every_frame_of_every_sample_has_its_own_budget():
    frames = torch.zeros(2, 3, 1, 2, 2)
    gradient = torch.arange(24.0).view_as(frames) + 1
    attacked = once(frames, gradient, 0, 2)
    assert attacked.flatten(2).tolist() == [[[0, 0, 1, 1]] * 3] * 2


def test_gradients_taken_anew_see_what_was_flipped_before():
    """L = z0 + 0.9 z1 - 2 z0 z1: both entries gain alone, and lose together."""

    def loss(frames: torch.Tensor) -> torch.Tensor:
        first, second = frames.flatten()
        return first + 0.9 * second - 2 * first * second

    start = frame(0, 0)
    calls = []

    def slope(flips: Flips, iteration: int) -> Slope:
        calls.append(iteration)
        here = flips.applied(start).requires_grad_()
        return Slope.at(here.detach(), torch.autograd.grad(loss(here), here)[0])

    assert float(loss(craft_flips(slope, start, 0, 2).applied(start))) == pytest.approx(-0.1)
    assert float(loss(craft_flips(slope, start, 0, 2, iterations=2).applied(start))) == 1
    assert calls == [0, 0, 1]


def test_several_encodings_count_by_what_each_would_gain():
    # entry 0 is set in both encodings, entry 1 in one of two: holding it at 1 gains half of its gradient
    encodings, gradient = torch.stack([frame(1, 1, 0), frame(1, 0, 0)]), frame(3, 2, 0.5)
    slope = Slope(gradient, (encodings * gradient).mean(0))
    flips = craft_flips(lambda *_: slope, frame(0, 0, 0), 0, 1)
    assert flips.chosen.flatten().tolist() == [False, True, False]
    assert flips.applied(encodings[1]).flatten().tolist() == [1, 1, 0]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    lowest=st.sampled_from([-1, 0]),
    budget=st.integers(0, 9),
    iterations=st.integers(1, 4),
)
def test_no_frame_exceeds_its_budget_and_flips_are_never_taken_back(seed, lowest, budget, iterations):
    generator = torch.Generator().manual_seed(seed)
    frames = torch.randint(lowest, 2, (3, 2, 1, 2, 4), generator=generator).float()
    seen = []

    def slope(flips: Flips, iteration: int) -> Slope:
        seen.append(flips)
        here = flips.applied(frames)
        return Slope.at(here, torch.randn(frames.shape, generator=generator))

    flips = craft_flips(slope, frames, lowest, budget, iterations)
    for before, after in zip(seen, [*seen[1:], flips], strict=True):
        assert not (before.chosen & ~after.chosen).any()
        assert (after.value == before.value)[before.chosen].all()
    for iteration, after in enumerate([*seen[1:], flips], start=1):
        assert after.chosen.flatten(2).sum(-1).max() <= budget * iteration // iterations
    attacked = flips.applied(frames)
    assert ((attacked >= lowest) & (attacked <= 1)).all()
    assert ((attacked != frames) == flips.chosen).all()  # an entry that gains nothing is not taken


def test_analog_encodings_are_refused():
    assert lowest_entry(Encoding("rate")) == 0 and lowest_entry(Encoding("signed_rate")) == -1
    assert lowest_entry(Encoding("frames", levels=1)) == 0
    with pytest.raises(SettingsError, match=r"sea: the encoding direct sends analog values.*Give rate"):
        lowest_entry(Encoding("direct"))
