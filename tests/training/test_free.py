from __future__ import annotations

import pytest
import torch
from linear_training import Linear, batch

from lavarobust.errors import SettingsError
from lavarobust.training.free import Free


def train(objective, network, given) -> int:
    """What the loop does; returns the number of updates."""
    updates = 0
    for loss in objective.losses(network, given):
        network.zero_grad()
        loss.value.backward()
        with torch.no_grad():
            network.weight -= 0.1 * network.weight.grad
        updates += 1
    return updates


def test_a_batch_is_replayed_and_its_perturbation_carried_on():
    network, objective = Linear().train(), Free(0.125, replays=3)
    assert train(objective, network, batch([0.5, 0.5], [0.0, 1.0])) == 3
    seen = [images.flatten(1).tolist() for images in network.seen]
    # against the first pixel and with the second, at once to the limit
    assert seen[0] == [[0.5, 0.5], [0.0, 1.0]]
    assert seen[1] == [[0.375, 0.625], [0.0, 1.0]]
    assert seen[2] == seen[1]
    assert network.modes == [True] * 3 and len(set(network.draws)) == 3
    # the next batch, a smaller one of the other class, starts where this one ended
    train(objective, network, batch([0.5, 0.5], labels=[1]))
    assert network.seen[3].flatten().tolist() == [0.375, 0.625]
    assert network.seen[4].flatten().tolist() == [0.5, 0.5]
    assert network.seen[5].flatten().tolist() == [0.625, 0.375]


def test_the_perturbation_is_kept_for_a_resumed_run():
    first, network = Free(0.125, replays=1), Linear()
    train(first, network, batch([0.5, 0.5]))
    second = Free(0.125, replays=1)
    second.restore(first.state())
    train(second, network, batch([0.5, 0.5]))
    assert network.seen[-1].flatten().tolist() == [0.375, 0.625]
    assert repr(first) == repr(second)


@pytest.mark.parametrize("values", [{"epsilon": 0}, {"epsilon": 0.1, "replays": 0}])
def test_impossible_values_are_refused(values):
    with pytest.raises(SettingsError, match=r"free: .*Give"):
        Free(**values)
