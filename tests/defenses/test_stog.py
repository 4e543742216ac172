from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lavarobust.defenses.stog import StochasticGating, gate_prior
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.gate import GateOptions, gates_of, weights_of
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Batch, Vanilla


def make(gate: GateOptions | None = GateOptions(), raw: float = 0.7) -> SpikingNetwork:  # noqa: B008
    layers, generator = parse_layers(["conv 4 3", "dense 6", "dense 3"]), torch.Generator().manual_seed(0)
    network = SpikingNetwork(
        layers, (1, 4, 4), 3, Encoding("direct", 16), "membrane", Surrogate(), generator, gate
    )
    with torch.no_grad():
        for part in gates_of(network):
            part.raw.fill_(raw)
    return network.train()


def batch(epoch: int = 0) -> Batch:
    generator = torch.Generator().manual_seed(4)
    images = torch.rand(8, 1, 4, 4, generator=generator)
    return Batch(images, torch.arange(8) % 3, np.arange(8), generator, epoch)


def train(objective, network, optimiser, given):
    """What the loop does."""
    for loss in objective.losses(network, given):
        optimiser.zero_grad(set_to_none=True)
        loss.value.backward()
        optimiser.step()


def sgd(network):
    return torch.optim.SGD(weights_of(network), 0.1, momentum=0.9, weight_decay=5e-4)


def test_the_prior_is_half_the_sum_of_squares() -> None:
    network = make(raw=0.5)  # 4 x 4 x 4 neurons and 6
    assert float(gate_prior(gates_of(network)).detach()) == 0.5 * 70 * 0.25


def test_one_step_on_the_sum_is_the_papers_order_of_steps() -> None:
    gamma, ours, theirs = 0.01, make(), make()
    objective, optimiser = StochasticGating(Vanilla(), 10, 5, gamma), sgd(ours)
    weights = sgd(theirs)
    gates = torch.optim.SGD([gate.raw for gate in gates_of(theirs)], 0.1, momentum=0.9)
    for epoch in range(3):
        train(objective, ours, optimiser, batch(epoch))
        for group in gates.param_groups:
            group["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * epoch / 10))
        for loss in Vanilla().losses(theirs, batch(epoch)):
            theirs.zero_grad()
            loss.value.backward()
            weights.step()
            for gate in gates_of(theirs):
                gate.raw.grad += gamma * gate.raw.detach()
            gates.step()
    for name, tensor in ours.state_dict().items():
        assert torch.allclose(tensor, theirs.state_dict()[name], rtol=1e-6, atol=1e-7), name
    assert (gates_of(ours)[0].raw < 0.7).any()


def test_gates_learn_in_the_first_epochs_only_and_weights_in_all() -> None:
    network = make()
    objective, optimiser = StochasticGating(Vanilla(), 4, 2, gamma=0.1), sgd(network)
    seen = []
    for epoch in range(4):
        before = gates_of(network)[0].raw.detach().clone(), network.stack[0].synapse.weight.detach().clone()
        train(objective, network, optimiser, batch(epoch))
        after = gates_of(network)[0].raw, network.stack[0].synapse.weight
        seen.append(tuple(not torch.equal(one, other) for one, other in zip(before, after, strict=True)))
    assert seen == [(True, True), (True, True), (False, True), (False, True)]


def test_without_a_task_gradient_the_prior_shrinks_p_by_a_known_factor() -> None:
    # At p = 1 the clamp blocks the task: v = m v + g p, p = p - r v, by hand for two updates.
    network = make(raw=1.0)
    objective, optimiser = StochasticGating(Vanilla(), 1000, 1000, gamma=0.01), sgd(network)
    train(objective, network, optimiser, batch(0))
    first = 1 - 0.1 * 0.01
    assert float(gates_of(network)[0].raw.detach().unique()) == pytest.approx(first, abs=1e-6)


def test_a_restored_run_goes_on_with_the_same_bytes() -> None:
    whole, halves = make(), make()
    objective, optimiser = StochasticGating(Vanilla(), 6, 6, gamma=0.05), sgd(whole)
    for epoch in range(4):
        train(objective, whole, optimiser, batch(epoch))
    first, weights = StochasticGating(Vanilla(), 6, 6, gamma=0.05), sgd(halves)
    for epoch in range(2):
        train(first, halves, weights, batch(epoch))
    second = StochasticGating(Vanilla(), 6, 6, gamma=0.05)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    assert set(second.state()) == set(first.state()) != set()
    for epoch in range(2, 4):
        train(second, halves, weights, batch(epoch))
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, halves.state_dict()[name]), name


def test_a_network_without_gates_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"network\.gate"):
        train(StochasticGating(Vanilla(), 2, 1), make(None), None, batch())


@pytest.mark.parametrize("values", [{"gate_epochs": 3}, {"gamma": -1.0}, {"momentum": 1.0}])
def test_impossible_settings(values) -> None:
    with pytest.raises(SettingsError, match="stog"):
        StochasticGating(Vanilla(), **{"epochs": 2, "gate_epochs": 1, **values})
