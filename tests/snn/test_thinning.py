"""Networks that need no gate: the mean transmission in the weights."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.gate import GateOptions, gates_of
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.thinning import masked, thinned


def make(*layers: str) -> SpikingNetwork:
    network = SpikingNetwork(
        parse_layers(layers),
        (1, 4, 4),
        4,
        Encoding("direct", 16),
        "membrane",
        Surrogate(),
        torch.Generator().manual_seed(0),
        GateOptions(seed=2),
    )
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for gate in gates_of(network):
            gate.raw.copy_(torch.rand(gate.raw.shape, generator=generator) * 0.9 + 0.1)
    return network.eval()


def weights(network: SpikingNetwork) -> list[torch.Tensor]:
    return [block.synapse.weight.detach() for block in network.stack]


def test_a_thinned_network_is_a_plain_one_and_the_gated_one_stays_as_it_was() -> None:
    network = make("conv 3 3", "pool 2", "dense 8", "dense 3")
    before = [weight.clone() for weight in weights(network)]
    plain = thinned(network)
    assert not gates_of(plain) and not plain.stochastic and network.stochastic
    assert to_model(plain).extensions == () and to_model(network).extensions == ("stochastic gate",)
    assert all(torch.equal(one, other) for one, other in zip(weights(network), before, strict=True))


def test_dense_weights_take_their_inputs_probability_and_kernels_their_channels_mean() -> None:
    network = make("conv 3 3", "conv 4 3", "pool 2", "dense 8", "dense 3")
    first, second, third = (gate.probability.detach() for gate in gates_of(network))
    plain, old = weights(thinned(network)), weights(network)
    assert torch.equal(plain[0], old[0])
    expected = old[1] * first.mean((1, 2)).view(1, 3, 1, 1, 1)
    assert torch.allclose(plain[1], expected)
    squares = second.view(4, 2, 2, 2, 2).mean((2, 4))  # (C, H / 2, 2, W / 2, 2)
    assert torch.allclose(plain[2], old[2] * squares.flatten().view(1, -1, 1, 1, 1))
    assert torch.allclose(plain[3], old[3] * third.view(1, -1, 1, 1, 1))


def test_a_readout_behind_a_thinned_gate_is_the_mean_over_the_gates_draws() -> None:
    network = make("dense 12", "dense 3")
    pixels = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(3)).expand(4000, 1, 4, 4)
    with torch.no_grad():
        drawn = network.activity(pixels, np.arange(4000), quantised=False).logits
        plain = thinned(network).activity(pixels[:1], quantised=False).logits[0]
    error = drawn.std(0) / np.sqrt(4000)
    assert (error > 0).all() and ((drawn.mean(0) - plain).abs() < 5 * error).all()


def test_a_mask_keeps_what_is_open_enough() -> None:
    network = make("dense 12", "dense 3")
    (probability,) = (gate.probability.detach() for gate in gates_of(network))
    kept = weights(masked(network, 0.5))[1].flatten(1).ne(0).all(0)
    assert torch.equal(kept, probability >= 0.5) and 0 < kept.sum() < 12
    assert torch.equal(weights(masked(network, 0.0))[1], weights(network)[1])
