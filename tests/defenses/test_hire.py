from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from lavarobust.defenses.hire import PeriodicNoise
from lavarobust.errors import SettingsError
from lavarobust.training.carried import stepped
from lavarobust.training.objective import Batch


class Linear(torch.nn.Module):
    """Logits (x0 - x1, 0) a step: the loss of label 0 falls with the first pixel, rises with the second."""

    def __init__(self, steps: int = 6, readout: str = "membrane") -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
        self.steps, self.readout = steps, readout
        self.calls: list[SimpleNamespace] = []

    def forward(self, images, indices=None, draw=0, steps=None):
        self.calls.append(SimpleNamespace(images=images.detach().clone(), draw=draw, steps=steps))
        score = images.flatten(1) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], 1)


def batch(*pixels, epoch=0):
    images = torch.tensor(pixels).view(-1, 1, 1, 2)
    labels, indices = torch.zeros(len(pixels), dtype=torch.int64), torch.arange(len(pixels)).numpy()
    return Batch(images, labels, indices, torch.Generator().manual_seed(3), epoch)


def train(objective, network, given):
    """What the loop does; returns the losses."""
    values = []
    for loss in objective.losses(network, given):
        network.zero_grad()
        loss.value.backward()
        values.append(float(loss.value.detach()))
        with torch.no_grad():
            network.weight -= 0.1 * network.weight.grad
    return values


def test_noise_steps_by_the_sign_and_stays_within_its_limit():
    noise = torch.tensor([0.0, 0.02, -0.02, 0.01, 0.02])
    gradient = torch.tensor([3.0, 1e-9, -5.0, 0.0, -2.0])
    moved = stepped(noise, gradient, 0.013, 0.02)
    torch.testing.assert_close(moved, torch.tensor([0.013, 0.02, -0.02, 0.01, 0.007]))


def test_every_period_has_its_steps_its_update_and_the_noise_of_the_one_before():
    network, objective = Linear(steps=7), PeriodicNoise(periods=3, epsilon=0.1)
    values = train(objective, network, batch([0.5, 0.5], [0.95, 0.02]))
    assert [call.steps for call in network.calls] == [2, 2, 2]
    assert len({call.draw for call in network.calls}) == 3
    # the loss rises against the first pixel and with the second
    seen = [call.images.flatten(1) for call in network.calls]
    torch.testing.assert_close(seen[0], torch.tensor([[0.5, 0.5], [0.95, 0.02]]))
    torch.testing.assert_close(seen[1], torch.tensor([[0.4, 0.6], [0.85, 0.12]]))
    torch.testing.assert_close(seen[2], seen[1])  # step and limit are equal
    # first period: the mean of log(1 + exp(-2 * (x0 - x1))), 2 being the steps that are summed
    by_hand = (math.log(2) + math.log1p(math.exp(-2 * 0.93))) / 2
    assert values[0] == pytest.approx(by_hand)
    assert network.weight.grad is not None


def test_noise_is_carried_into_the_next_batch_and_cut_to_pixels():
    network, objective = Linear(steps=2), PeriodicNoise(periods=1, epsilon=0.1)
    train(objective, network, batch([0.5, 0.5], [0.5, 0.5]))
    train(objective, network, batch([0.05, 0.2]))  # a smaller batch takes the first rows
    torch.testing.assert_close(network.calls[1].images.flatten(1), torch.tensor([[0.0, 0.3]]))
    train(objective, network, batch([0.5, 0.5], [0.5, 0.5], [0.5, 0.5]))
    last = network.calls[2].images.flatten(1)
    torch.testing.assert_close(last, torch.tensor([[0.4, 0.6], [0.4, 0.6], [0.5, 0.5]]))


def test_a_resumed_run_has_the_noise_of_the_one_that_was_stopped():
    network, objective = Linear(), PeriodicNoise(epsilon=0.1)
    train(objective, network, batch([0.5, 0.5]))
    other = PeriodicNoise(epsilon=0.1)
    other.restore(objective.state())
    for one in (objective, other):
        train(one, network, batch([0.3, 0.3]))
    assert torch.equal(network.calls[2].images, network.calls[4].images)
    assert not torch.equal(network.calls[2].images, torch.full((1, 1, 1, 2), 0.3))
    assert PeriodicNoise().state() == {}


def test_gaussian_noise_is_drawn_anew_from_the_given_generator():
    runs = []
    for _ in range(2):
        network = Linear()
        train(PeriodicNoise(2, 0.1, "gaussian"), network, batch(*[[0.5, 0.5]] * 500))
        runs.append([call.images - 0.5 for call in network.calls])
    assert torch.equal(runs[0][0], runs[1][0]) and not torch.equal(runs[0][0], runs[0][1])
    assert float(runs[0][1].std()) == pytest.approx(0.1, rel=0.1)


def test_spike_counts_are_sums_already():
    network = Linear(steps=4, readout="spike_count")
    (value,) = train(PeriodicNoise(periods=1, epsilon=0.0), network, batch([0.7, 0.2]))
    assert value == pytest.approx(math.log1p(math.exp(-0.5)))


def test_impossible_settings_are_refused():
    with pytest.raises(SettingsError, match=r"hire: periods is 0. Give"):
        PeriodicNoise(periods=0)
    with pytest.raises(SettingsError, match=r"hire: epsilon is 2. Give"):
        PeriodicNoise(epsilon=2)
    with pytest.raises(SettingsError, match=r"hire: 3 steps can't be cut into 4 periods"):
        list(PeriodicNoise(periods=4).losses(Linear(steps=3), batch([0.5, 0.5])))
