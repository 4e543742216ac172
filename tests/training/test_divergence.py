"""TRADES, MART and the fine-tuning of converted networks, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from linear_training import Linear, batch

from lavarobust.errors import SettingsError
from lavarobust.training.divergence import (
    Mart,
    RandomSignDivergence,
    Trades,
    boosted_cross_entropy,
    divergence,
)

THREE_TO_ONE = torch.tensor([[math.log(3), 0.0]])
EVEN = torch.tensor([[0.0, 0.0]])


def test_divergence_weighs_with_the_clean_prediction():
    # p = (1/2, 1/2), q = (3/4, 1/4): 1/2 ln(2/3) + 1/2 ln 2 = ln(4/3) / 2
    assert divergence(EVEN, THREE_TO_ONE).item() == pytest.approx(math.log(4 / 3) / 2)
    # and the other way round 3/4 ln(3/2) + 1/4 ln(1/2)
    expected = 0.75 * math.log(1.5) - 0.25 * math.log(2)
    assert divergence(THREE_TO_ONE, EVEN).item() == pytest.approx(expected)
    assert divergence(THREE_TO_ONE, THREE_TO_ONE + 5).item() == pytest.approx(0, abs=1e-6)


def test_boosted_cross_entropy_adds_the_strongest_rival():
    both = boosted_cross_entropy(THREE_TO_ONE.repeat(2, 1), torch.tensor([0, 1]))
    assert both.tolist() == pytest.approx(
        [-math.log(0.75) - math.log(0.7501), -math.log(0.25) - math.log(0.2501)]
    )
    three = torch.log(torch.tensor([[0.5, 0.3, 0.2]]))
    expected = -math.log(0.5) - math.log(0.7001)
    assert boosted_cross_entropy(three, torch.tensor([0])).item() == pytest.approx(expected)


def sigmoid(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def test_trades_by_hand():
    network = Linear().train()
    (loss,) = Trades(0.1, beta=6.0).losses(network, batch([0.5, 0.5]))
    # one pass for p, ten gradients in eval mode, then the clean and the adversarial pass
    assert network.modes == [False] * 11 + [True] * 2
    assert (network.seen[1] - 0.5).abs().max() < 0.01
    # p is even; both corners of the score, +-0.2, are as far: KL = -ln 2 - ln(s (1 - s)) / 2 = ln cosh 0.1
    assert abs(float(network.seen[-1].flatten() @ torch.tensor([1.0, -1.0]))) == pytest.approx(0.2)
    assert loss.value.item() == pytest.approx(math.log(2) + 6 * math.log(math.cosh(0.1)), rel=1e-5)
    assert loss.logits.tolist() == [[0.0, 0.0]]


def test_mart_by_hand():
    network = Linear().train()
    (loss,) = Mart(0.1, beta=4.0).losses(network, batch([0.5, 0.5]))
    assert network.modes == [False] * 10 + [True] * 2
    # the cross-entropy of class 0 is highest at a score of -0.2; p is even, so 1 - p_y is a half
    q = sigmoid(-0.2)
    expected = -math.log(q) - math.log(1.0001 - (1 - q)) + 4 * math.log(math.cosh(0.1)) * 0.5
    assert loss.value.item() == pytest.approx(expected, rel=1e-5)


def test_fine_tuning_of_converted_networks_by_hand():
    network = Linear().train()
    images = [[0.5, 0.5]] * 32
    (loss,) = RandomSignDivergence(0.1, beta=2.0).losses(network, batch(*images))
    assert network.modes == [False] * 2 + [True] * 2
    starts, found = network.seen[1].flatten(1) - 0.5, network.seen[-1].flatten(1) - 0.5
    torch.testing.assert_close(starts.abs(), torch.full_like(starts, 0.05))
    # a start of score 0 has no gradient and stays; the others go to the corner on their side
    scores = starts @ torch.tensor([1.0, -1.0])
    corner = torch.tensor([0.1, -0.1]) * scores.sign()[:, None]
    torch.testing.assert_close(found, torch.where(scores[:, None].abs() > 0.05, corner, starts))
    share = float((scores.abs() > 0.05).float().mean())
    assert 0.1 < share < 0.9
    assert loss.value.item() == pytest.approx(math.log(2) + 2 * share * math.log(math.cosh(0.1)), rel=1e-4)


@pytest.mark.parametrize("objective", [Trades(0.1), Mart(0.1), RandomSignDivergence(0.1)])
def test_gradients_are_the_slopes_of_the_loss_at_fixed_images(objective):
    network, given = Linear().double(), batch([0.7, 0.4], [0.2, 0.6], labels=[0, 1])
    given = type(given)(
        given.images.double(), *(getattr(given, n) for n in ("labels", "indices", "generator", "epoch"))
    )
    (loss,) = objective.losses(network, given)
    loss.value.backward()
    found = network.seen[-1]

    def value(weight: torch.Tensor) -> float:
        clean, adversarial = (
            torch.stack([images.flatten(1) @ weight, torch.zeros(2).double()], 1)
            for images in (given.images, found)
        )
        p, q = clean.softmax(1), adversarial.softmax(1)
        kl = (p * (p / q).log()).sum(1)
        own = torch.arange(2), given.labels
        if isinstance(objective, Mart):
            boosted = -q[own].log() - (1.0001 - (1 - q[own])).log()
            return float((boosted + objective.beta * kl * (1 - p[own])).mean())
        return float((-p[own].log()).mean() + objective.beta * kl.mean())

    weight, step = network.weight.detach().clone(), 1e-6
    for position in range(2):
        shift = torch.zeros(2).double()
        shift[position] = step
        slope = (value(weight + shift) - value(weight - shift)) / (2 * step)
        assert network.weight.grad[position].item() == pytest.approx(slope, rel=1e-5)


def test_every_pass_of_a_step_takes_a_draw_of_its_own_and_none_of_evaluations():
    network = Linear()
    list(Mart(0.1, steps=3).losses(network, batch([0.5, 0.5])))
    assert len(network.draws) == len(set(network.draws)) == 5 and 0 not in network.draws


@pytest.mark.parametrize(
    ("make", "values", "problem"),
    [
        (Trades, {"epsilon": 0}, "trades: epsilon"),
        (Trades, {"epsilon": 0.1, "beta": 0}, "trades: beta"),
        (Mart, {"epsilon": 0.1, "beta": float("inf")}, "mart: beta"),
        (Mart, {"epsilon": 0.1, "steps": 0}, "mart: steps"),
        (RandomSignDivergence, {"epsilon": 0.1, "alpha": 0.2}, "rfgsm-kl: alpha"),
    ],
)
def test_impossible_values_are_refused(make, values, problem):
    with pytest.raises(SettingsError, match=rf"{problem}.*Give"):
        make(**values)
