"""Residual blocks as SLAYER modules: against torch, by hand, and what reaches their parameters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.analog import AnalogNetwork
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.shortcut import NormBlock, ResidualBlock

BASIC = ["conv 4 3", "pool 2", "block 4", "block 6 2", "dense 5"]
WIDE = ["conv 3 3", "wide 6 1", "wide 6 1", "wide 8 2", "pool 4", "dense 5"]


def make(layers, encoding=None, steps=4, seed=0, readout="membrane") -> SpikingNetwork:
    return SpikingNetwork(
        parse_layers(layers), (1, 8, 8), steps, encoding or Encoding("direct", 16), readout,
        Surrogate(), torch.Generator().manual_seed(seed),
    )  # fmt: skip


def images(count: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def weight(module: torch.nn.Module) -> torch.Tensor:
    return module.synapse.weight.squeeze(-1)


def norm(values: torch.Tensor) -> torch.Tensor:
    return F.batch_norm(values, None, None, training=True)


def test_basic_blocks_are_those_of_the_papers_resnet() -> None:
    network = make(BASIC)
    stem, a1, a2, b1, b2, last = network.stack
    assert [type(block) is ResidualBlock for block in network.stack] == [
        False,
        False,
        True,
        False,
        True,
        False,
    ]
    rounded = torch.round(images(6) * 16) / 16
    x = F.avg_pool2d(F.relu(norm(F.conv2d(rounded, weight(stem), padding=1))), 2)
    y = F.relu(norm(F.conv2d(x, weight(a1), padding=1)))
    x = F.relu(norm(F.conv2d(y, weight(a2), padding=1) + x))
    y = F.relu(norm(F.conv2d(x, weight(b1), stride=2, padding=1)))
    x = F.relu(norm(F.conv2d(y, weight(b2), padding=1) + F.conv2d(x, weight(b2.shortcut), stride=2)))
    expected = F.linear(x.flatten(1), last.synapse.weight.flatten(1), last.offset)
    torch.testing.assert_close(AnalogNetwork(network).train()(images(6)), expected, rtol=1e-4, atol=1e-4)


def test_wide_blocks_are_those_of_the_papers_wide_resnet() -> None:
    network = make(WIDE)
    stem, a1, a2, norm_a, b1, b2, c1, c2, last = network.stack
    assert isinstance(norm_a, NormBlock) and a2.sends_sum and not b2.sends_sum
    with torch.no_grad():
        for block, shares in ((a2, (0.3, 0.9)), (b2, (0.6, 0.2)), (c2, (0.5, 0.7))):
            block.shares.copy_(torch.tensor(shares))
    rounded = torch.round(images(6) * 16) / 16
    x = F.conv2d(rounded, weight(stem), padding=1)
    s = F.relu(norm(x))
    y = F.conv2d(F.relu(norm(F.conv2d(s, weight(a1), padding=1))), weight(a2), padding=1)
    x = 0.3 * F.conv2d(s, weight(a2.shortcut)) + 0.9 * y
    s = F.relu(norm(x))
    y = F.conv2d(F.relu(norm(F.conv2d(s, weight(b1), padding=1))), weight(b2), padding=1)
    x = 0.6 * x + 0.2 * y  # equal channels: the real-valued block input
    s = F.relu(norm(x))
    y = F.conv2d(F.relu(norm(F.conv2d(s, weight(c1), stride=2, padding=1))), weight(c2), padding=1)
    x = 0.5 * F.conv2d(s, weight(c2.shortcut), stride=2) + 0.7 * y
    x = F.avg_pool2d(F.relu(norm(x)), 4)
    expected = F.linear(x.flatten(1), last.synapse.weight.flatten(1), last.offset)
    torch.testing.assert_close(AnalogNetwork(network).train()(images(6)), expected, rtol=1e-4, atol=1e-4)


def test_a_join_by_hand() -> None:
    network = make(["conv 1 1 no-norm", "block 1 no-norm", "dense 2"], steps=2).eval()
    stem, first, join, _ = network.stack
    with torch.no_grad():
        stem.synapse.weight.fill_(2.0)
        first.synapse.weight.zero_()[0, 0, 1, 1] = 0.5
        join.synapse.weight.zero_()[0, 0, 1, 1] = 0.25
        trajectories = network.activity(torch.full((1, 1, 8, 8), 0.75)).trajectories
    # the stem's drive 1.5 > 1 spikes in both steps; the first's 0.5, then 1.0, which is not above 1
    assert trajectories[0].spikes.all() and not trajectories[1].spikes.any()
    # the join: weight 0.25 of nothing plus 1 of each spike: potential 1, which is not above 1, then 2
    assert trajectories[2].spikes.flatten(1).all(1).tolist() == [False, True]
    parameters = network.parameters_now()[2]
    # scale 254 / 0.25 = 1016; the identity is 1016 in multiples of 8, of which it is 127
    assert parameters.scale == 1016 and parameters.shortcut.item() == 1016


def test_a_graded_sum_has_between_32_and_64_units() -> None:
    network = make(WIDE).eval()
    with torch.no_grad():
        quantised = network.activity(images(16))
        floating = network.activity(images(16), quantised=False)
    position = 2
    block, parameters = network.stack[position], network.parameters_now()[position]
    units = block.sent_units(parameters)
    assert 32 <= units < 64
    sent = quantised.trajectories[position].spikes
    assert torch.equal(sent, sent.round()) and sent.abs().max() > 16
    # the other layers' spikes differ a little; the mean current over all samples hardly does
    means = [run.trajectories[position].spikes.mean((0, 1)).flatten() for run in (quantised, floating)]
    assert torch.corrcoef(torch.stack(means))[0, 1] > 0.98


@pytest.mark.parametrize("layers", [BASIC, WIDE])
def test_gradients_reach_every_parameter_and_the_pixels(layers) -> None:
    network = make(layers)
    pixels = images(24).requires_grad_()
    F.cross_entropy(network(pixels), torch.arange(24) % 5).backward()
    assert pixels.grad is not None and pixels.grad.any()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize("layers", [BASIC, WIDE])
def test_frozen_networks_run_the_same_integers_in_training(layers) -> None:
    network = make(layers).train()
    network(images(16))
    network.freeze()
    with torch.no_grad():
        trained = network.activity(images(8, seed=2))
        evaluated = network.eval().activity(images(8, seed=2))
    assert torch.equal(trained.logits, evaluated.logits)


def test_dropout_silences_the_same_neurons_in_all_steps_by_their_samples_keys() -> None:
    network = make(["conv 3 1 no-norm drop=0.25", "dense 2"], Encoding("repeat", 16), steps=3)
    with torch.no_grad():
        network.stack[0].synapse.weight.fill_(8.0)
    seen = []
    run = network.stack[1].run

    def spy(frames, *rest, **named):
        seen.append(frames)
        return run(frames, *rest, **named)

    network.stack[1].run = spy
    bright = torch.ones(40, 1, 8, 8)
    network.train()(bright, np.arange(40), draw=3)
    kept = seen[-1]
    assert torch.equal(kept[0], kept[1]) and torch.equal(kept[0], kept[2])
    assert 0.73 < kept.mean() < 0.77
    network.train()(bright[:2], np.array([7, 1]), draw=3)
    assert torch.equal(seen[-1], kept[:, [7, 1]])
    network.train()(bright[:2], np.array([7, 1]), draw=4)
    assert not torch.equal(seen[-1], kept[:, [7, 1]])
    network.eval()(bright[:2])
    assert seen[-1].all()


def test_dropout_keeps_the_expected_drive() -> None:
    network = make(["conv 3 1 no-norm", "dense 2 no-norm"], Encoding("repeat", 16), steps=1)
    network.dropouts[0] = 0.5
    with torch.no_grad():
        network.stack[0].synapse.weight.fill_(8.0)
        whole = network.eval()(torch.ones(1, 1, 8, 8))
        drawn = network.train()(torch.ones(2000, 1, 8, 8)).mean(0)
    torch.testing.assert_close(drawn, whole[0], atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        (["wide 4", "dense 2"], "begins with the neurons"),
        (["conv 4", "pool 2", "wide 4", "dense 2"], "begins with the neurons"),
        (["block 4", "dense 2"], "needs a layer in front"),
        (["conv 4", "wide 4", "dense 2"], "encoding repeat"),
    ],
)
def test_residual_blocks_that_do_not_fit(layers, problem) -> None:
    with pytest.raises(SettingsError, match=problem):
        make(layers)
