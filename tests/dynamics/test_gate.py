"""Gates: whose draws they are, what they let pass, and what they tell their probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.draws import Keys, random_words
from lavarobust.dynamics.gate import gate_draws, gated, opened, openings
from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding

MARGIN = 1e-3


def keys(*indices, draw=0):
    return Keys(np.array(indices), draw)


def relaxed_slope(probability, draw):
    """The formula of the module's docstring for one gate, in plain floats."""

    def logit(x):
        return math.log((x + MARGIN) / (1 - x + MARGIN))

    soft = 1 / (1 + math.exp(-(logit(probability) - logit((draw + 0.5) / 65536)) / 0.5))
    return soft * (1 - soft) / 0.5 * (1 / (probability + MARGIN) + 1 / (1 - probability + MARGIN))


def test_draws_are_the_quarters_of_the_keyed_words():
    draws = gate_draws(5, 2, keys(9, draw=3), 3, 5)
    words = random_words(5, 9, 3, 4, stream=2)
    expected = [int(word) >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)][:15]
    assert draws.shape == (1, 3, 5)
    assert draws.reshape(-1).tolist() == expected


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 30))
def test_a_sample_keeps_its_draws_in_any_company_and_window(steps, more, neurons):
    together = gate_draws(1, 1, keys(4, 7, 2), steps + more, neurons)
    assert (gate_draws(1, 1, keys(7), steps, neurons)[0] == together[1, :steps]).all()


def test_every_key_makes_other_draws():
    base = gate_draws(1, 1, keys(1, draw=1), 8, 25)
    others = [(2, 1, keys(1, draw=1)), (1, 2, keys(1, draw=1)), (1, 1, keys(2, draw=1)), (1, 1, keys(1))]
    for other in others:
        assert (gate_draws(*other, 8, 25) == base).mean() < 0.05


def test_an_open_gate_never_closes_and_a_closed_one_never_opens():
    everything = np.arange(65536, dtype=np.uint16)
    assert opened(everything, openings(np.array(1.0))).all()
    assert not opened(everything, openings(np.array(0.0))).any()
    assert opened(everything, openings(np.array(0.25))).sum() == 16384


def test_half_open_gates_pass_half_of_the_spikes_independently_per_step_and_neuron():
    passes = opened(gate_draws(3, 1, keys(*range(50)), 20, 100), openings(np.full(100, 0.5)))
    assert abs(passes.mean() - 0.5) < 0.01  # 100,000 draws: six standard deviations
    for axis in range(3):
        assert abs(passes.mean(axis=tuple({0, 1, 2} - {axis})) - 0.5).max() < 0.12
        moved = np.roll(passes, 1, axis=axis)
        assert abs((passes == moved).mean() - 0.5) < 0.01


def test_a_gate_on_ones_is_the_rate_encoder_under_the_same_draws(monkeypatch):
    # Eq. 24: with p = pixel and a spike in every step, gate and Poisson encoder send the same spikes.
    pixels = np.arange(12, dtype=np.float64).reshape(1, 3, 4) * 5461 / 65536
    draws = gate_draws(11, 1, keys(6), 40, 12)
    monkeypatch.setattr(
        "lavarobust.encoding.integer.uniform_draws", lambda seed, index, draw, count: draws[0].ravel() / 65536
    )
    coded = encode(Encoding("rate"), pixels[None], 40, np.array([6])).frames
    ones = torch.ones(40, 1, 1, 3, 4)
    sent = gated(ones, torch.from_numpy(pixels), draws)
    assert (sent.movedim(0, -1).numpy() == coded).all()
    assert 0.3 < coded.mean() < 0.6


def test_spikes_pass_and_gradients_follow_them():
    draws = np.array([[[0, 32768], [40000, 10]]], dtype=np.uint16)  # one sample, two steps, two neurons
    spikes = torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]]], requires_grad=True)
    probability = torch.tensor([0.5, 0.5], requires_grad=True)
    sent = gated(spikes, probability, draws)
    assert sent.tolist() == [[[1, 0]], [[0, 0]]]
    (sent * torch.tensor([[[2.0, 3.0]], [[5.0, 7.0]]])).sum().backward()
    assert spikes.grad.tolist() == [[[2, 0]], [[0, 7]]]
    expected = [
        2 * relaxed_slope(0.5, 0) + 5 * relaxed_slope(0.5, 40000),
        3 * relaxed_slope(0.5, 32768),  # the second neuron did not spike in the second step
    ]
    assert probability.grad.tolist() == pytest.approx(expected, rel=1e-4)


def test_the_released_gradient_has_the_opposite_sign_and_a_mean_scale():
    draws = gate_draws(0, 1, keys(1, 2, 3), 4, 6)
    slopes = {}
    for name in ("concrete", "released"):
        probability = torch.full((6,), 0.6, requires_grad=True)
        gated(torch.ones(4, 3, 6), probability, draws, name).sum().backward()
        slopes[name] = probability.grad
    assert torch.allclose(slopes["released"], -slopes["concrete"] / 12)
    assert (slopes["concrete"] > 0).all()
    with pytest.raises(SettingsError, match="concrete, released"):
        gated(torch.ones(4, 3, 6), torch.ones(6), draws, "other")


@pytest.mark.parametrize("probability, bias", [(0.1, 1.117), (0.3, 0.906), (0.5, 0.858), (0.9, 1.117)])
def test_the_relaxed_gradient_is_biased_by_what_the_docstring_says(probability, bias):
    # sum of what is sent: its expectation is p, with derivative 1
    over_all_draws = np.mean([relaxed_slope(probability, draw) for draw in range(0, 65536, 16)])
    assert over_all_draws == pytest.approx(bias, abs=0.002)
    draws = gate_draws(2, 1, keys(*range(200)), 10, 50)
    parameter = torch.tensor(probability, requires_grad=True)
    gated(torch.ones(10, 200, 50), parameter.expand(50), draws).mean().backward()
    assert float(parameter.grad) == pytest.approx(bias, abs=0.02)  # Monte Carlo, 100,000 draws


def test_gradients_stay_finite_at_the_ends():
    probability = torch.tensor([0.0, 1.0], requires_grad=True)
    gated(torch.ones(8, 50, 2), probability, gate_draws(0, 1, keys(*range(50)), 8, 2)).sum().backward()
    assert torch.isfinite(probability.grad).all()
