"""Gates in a network: what they block, what they are keyed by, what their probabilities feel."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.draws import Keys
from lavarobust.dynamics import Surrogate
from lavarobust.dynamics.gate import gate_draws, opened
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.gate import GateOptions, StochasticGate, gates_of, weights_of
from lavarobust.snn.network import SpikingNetwork


def make(gate: GateOptions | None = GateOptions(), readout="membrane") -> SpikingNetwork:  # noqa: B008
    layers = parse_layers(["conv 4 3", "pool 2", "dense 16", "dense 10"])
    generator = torch.Generator().manual_seed(0)
    network = SpikingNetwork(
        layers, (1, 8, 8), 4, Encoding("direct", 16), readout, Surrogate(), generator, gate
    )
    return network.eval()


def images(count=6) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def half_open(network: SpikingNetwork) -> SpikingNetwork:
    with torch.no_grad():
        for gate in gates_of(network):
            gate.raw.fill_(0.5)
    return network


def spikes(network, **options):
    with torch.no_grad():
        activity = network.activity(images(), **options)
    return [trajectory.spikes for trajectory in activity.trajectories], activity.logits


@pytest.mark.parametrize("readout", ["membrane", "spike_count"])
def test_every_population_but_the_last_has_gates_of_its_own_shape(readout) -> None:
    network = make(readout=readout)
    assert [tuple(gate.raw.shape) for gate in gates_of(network)] == [(4, 8, 8), (16,)]
    assert [gate.stream for gate in gates_of(network)] == [1, 2]
    assert network.stack[-1].gate is None


def test_new_gates_change_nothing() -> None:
    gated, plain = spikes(make()), spikes(make(None))
    for one, other in zip(gated[0], plain[0], strict=True):
        assert torch.equal(one, other)
    assert torch.equal(gated[1], plain[1])


def test_spikes_are_sent_where_the_keyed_draw_is_below_the_opening_and_the_reset_is_not_gated() -> None:
    free, _ = spikes(make())
    sent, _ = spikes(half_open(make()), indices=np.arange(10, 16), draw=3)
    passes = opened(gate_draws(0, 1, Keys(np.arange(10, 16), 3), 4, 256), np.full(256, 32768))
    mask = torch.from_numpy(passes).movedim(1, 0).view(4, 6, 4, 8, 8)
    assert torch.equal(sent[0], free[0] * mask)
    assert 0 < sent[0].sum() < free[0].sum()


def test_draws_differ_with_sample_and_draw_and_with_nothing_else() -> None:
    network = half_open(make())
    whole, logits = spikes(network, indices=np.arange(6), draw=1)
    assert torch.equal(spikes(network, indices=np.arange(6), draw=1)[1], logits)
    assert not torch.equal(spikes(network, indices=np.arange(6), draw=2)[0][0], whole[0])
    assert not torch.equal(spikes(network, indices=np.arange(6, 12), draw=1)[0][0], whole[0])
    with torch.no_grad():
        alone = network(images()[3:4], np.array([3]), 1)
    assert torch.equal(alone, logits[3:4])


def test_probabilities_are_clamped_and_get_a_gradient_only_inside() -> None:
    gate = StochasticGate((4,), 1, GateOptions())
    with torch.no_grad():
        gate.raw.copy_(torch.tensor([-0.3, 0.4, 1.0, 1.7]))
    assert gate.opening.tolist() == [6554, 26214, 65536, 65536]  # .1, .4, 1 and 1 of 65536, rounded
    gate(torch.ones(3, 5, 4), Keys(np.arange(5))).sum().backward()
    assert (gate.raw.grad != 0).tolist() == [False, True, False, False]


def test_gates_are_no_weights() -> None:
    network = make()
    apart = {id(gate.raw) for gate in gates_of(network)}
    weights = {id(parameter) for parameter in weights_of(network)}
    assert len(apart) == 2 and not weights & apart
    trained = {id(parameter) for parameter in network.parameters() if parameter.requires_grad}
    assert weights | apart == trained


def test_gates_begin_where_they_are_told_to() -> None:
    assert {float(gate.raw.detach().unique()) for gate in gates_of(make(GateOptions(initial=0.5)))} == {0.5}


def test_impossible_options_are_refused() -> None:
    with pytest.raises(SettingsError, match="concrete, released"):
        GateOptions(gradient="plain")
    with pytest.raises(SettingsError, match=r"from 0\.1 to 1"):
        GateOptions(initial=0.05)
