from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.defenses.rat import (
    Lipschitz,
    Parseval,
    lipschitz_penalty,
    parseval_step,
    project,
    simplex_projection,
)
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Loss, Objective, Vanilla


def make(*layers, steps=2, kind="direct") -> SpikingNetwork:
    generator = torch.Generator().manual_seed(0)
    shape = (1, 4, 4)
    return SpikingNetwork(
        parse_layers(layers), shape, steps, Encoding(kind, 4), "membrane", Surrogate(), generator
    )


def test_a_parseval_step_by_hand() -> None:
    # W W^T = [[5, 2], [2, 1]], (W W^T) W = [[9, 10], [4, 4]] - worked out on paper for W = [[1, 2], [0, 1]]:
    # row 0: 5 (1, 2) + 2 (0, 1) = (5, 12); row 1: 2 (1, 2) + 1 (0, 1) = (2, 5)
    weight = torch.tensor([[1.0, 2.0], [0.0, 1.0]])
    stepped = parseval_step(weight, 0.1)
    expected = torch.tensor([[1.1 - 0.5, 2.2 - 1.2], [0 - 0.2, 1.1 - 0.5]])
    assert torch.allclose(stepped, expected)


def test_steps_lead_to_orthonormal_rows() -> None:
    weight = torch.randn(4, 9, generator=torch.Generator().manual_seed(1)) * 0.4
    for _ in range(400):
        weight = parseval_step(weight, 0.1)
    assert torch.allclose(weight @ weight.T, torch.eye(4), atol=1e-4)


def test_every_layer_takes_a_step_and_of_many_dense_rows_a_share() -> None:
    network = make("conv 3 3", "dense 210", "dense 5")
    before = [block.synapse.weight.detach().clone() for block in network.stack]
    project(network, 0.1, torch.Generator().manual_seed(2))
    after = [block.synapse.weight.detach() for block in network.stack]
    for old, new in ((before[0], after[0]), (before[2], after[2])):
        assert torch.allclose(parseval_step(old.flatten(1), 0.1).view_as(old), new)
    moved = (before[1] != after[1]).flatten(1).any(1)
    assert int(moved.sum()) == 63  # 30 % of 210
    rows = before[1][moved].flatten(1)
    assert torch.allclose(after[1][moved].flatten(1), parseval_step(rows, 0.1), atol=1e-6)
    again = make("conv 3 3", "dense 210", "dense 5")
    project(again, 0.1, torch.Generator().manual_seed(2))
    assert torch.equal(again.stack[1].synapse.weight, after[1])


def test_the_projection_comes_behind_each_update() -> None:
    network = make("dense 4", "dense 3")
    before = network.stack[0].synapse.weight.detach().clone()

    class Two(Objective):
        def losses(self, network, batch):
            yield Loss(torch.zeros(()), torch.zeros(1, 3))
            assert torch.allclose(
                network.stack[0].synapse.weight.flatten(1), parseval_step(before.flatten(1), 0.2)
            )
            yield Loss(torch.zeros(()), torch.zeros(1, 3))

    class Given:
        generator = torch.Generator()

    assert len(list(Parseval(Two(), 0.2).losses(network, Given()))) == 2
    twice = parseval_step(parseval_step(before.flatten(1), 0.2), 0.2)
    assert torch.allclose(network.stack[0].synapse.weight.flatten(1), twice)


def test_the_penalty_by_hand() -> None:
    network = make("dense 2", "dense 2")
    with torch.no_grad():
        network.stack[0].synapse.weight.zero_()
        network.stack[0].synapse.weight[0].view(-1)[:3] = torch.tensor([1.0, 2.0, -5.0])
        network.stack[0].synapse.weight[1].view(-1)[:3] = torch.tensor([4.0, -1.0, -1.0])
        network.stack[1].synapse.weight.zero_()
        network.stack[1].synapse.weight[1].view(-1)[:2] = torch.tensor([0.5, -0.25])
    assert float(lipschitz_penalty(network).detach()) == (4 + 5) + (0.5 + 0.25)


def test_the_penalty_is_added_to_every_loss_and_draws_weights_in() -> None:
    class Silent(Objective):
        def losses(self, network, batch):
            for _ in range(2):
                yield Loss(torch.zeros((), requires_grad=True), torch.zeros(1, 2))

    network = make("conv 2 3 1 no-norm", "dense 2")
    before = float(lipschitz_penalty(network).detach())
    first, second = Lipschitz(Silent(), 0.5).losses(network, None)
    assert float(first.value.detach()) == float(second.value.detach()) == pytest.approx(0.5 * before)
    first.value.backward()
    with torch.no_grad():
        for block in network.stack:
            block.synapse.weight -= 0.01 * block.synapse.weight.grad
    assert float(lipschitz_penalty(network).detach()) < before
    with pytest.raises(SettingsError, match=r"lipschitz: weight is 0"):
        Lipschitz(Silent(), 0)


@pytest.mark.parametrize(
    "given_, expected",
    [
        ([0.5, 0.5], [0.5, 0.5]),
        ([2.0, 0.0], [1, 0]),
        ([0.2, 0.4], [0.4, 0.6]),
        ([1.0, 0.8, -3.0], [0.6, 0.4, 0]),
    ],
)
def test_projection_onto_the_simplex_by_hand(given_, expected) -> None:
    assert simplex_projection(torch.tensor(given_)).tolist() == pytest.approx(expected)


@given(st.lists(st.floats(-3, 3, width=32), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_no_point_of_the_simplex_is_nearer(values, seed) -> None:
    point = torch.tensor(values, dtype=torch.float64)
    projected = simplex_projection(point)
    assert (projected >= 0).all() and float(projected.sum()) == pytest.approx(1)
    others = torch.rand(50, len(values), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    others = others / others.sum(1, keepdim=True)
    assert float((projected - point).norm()) <= float((others - point).norm(dim=1).min()) + 1e-9


def test_an_impossible_beta() -> None:
    with pytest.raises(SettingsError, match="beta is -1"):
        Parseval(Vanilla(), -1)


def test_shortcuts_take_steps_their_shares_stay_a_convex_combination_and_ones_stay_ones() -> None:
    network = make("conv 2 3", "wide 2", "wide 4 2", "pool 2", "dense 3", kind="repeat")
    same, other = (block for block in network.stack if getattr(block, "shares", None) is not None)
    with torch.no_grad():
        other.shares.copy_(torch.tensor([0.9, 0.4]))
    strided = other.shortcut.synapse.weight.detach().clone()
    frozen = {name: tensor.clone() for name, tensor in network.named_parameters() if not tensor.requires_grad}
    project(network, 0.1, torch.Generator())
    assert other.shares.tolist() == pytest.approx([0.75, 0.25])
    assert same.shares.tolist() == [0.5, 0.5]
    stepped = parseval_step(strided.flatten(1), 0.1).view_as(strided)
    assert torch.allclose(other.shortcut.synapse.weight, stepped)
    assert any("shortcut.synapse" in name for name in frozen)
    assert all(torch.equal(dict(network.named_parameters())[name], frozen[name]) for name in frozen)
