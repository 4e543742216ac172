from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork


def make(layers, shape=(1, 8, 8), encoding=None, readout="membrane", steps=4, seed=0) -> SpikingNetwork:
    return SpikingNetwork(
        parse_layers(layers),
        shape,
        steps,
        encoding or Encoding("direct", 16),
        readout,
        Surrogate(),
        torch.Generator().manual_seed(seed),
    )


def images(count: int, shape=(1, 8, 8), seed: int = 0) -> torch.Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


def test_the_same_seed_gives_the_same_network() -> None:
    first, second = make(["conv 4 3", "dense 10"]), make(["conv 4 3", "dense 10"])
    for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("readout", ["membrane", "spike_count"])
@pytest.mark.parametrize("kind", ["direct", "repeat", "rate"])
def test_gradients_reach_every_parameter_and_the_pixels(kind, readout) -> None:
    network = make(
        ["conv 4 3", "pool 2", "dense 16", "dense 10"], encoding=Encoding(kind, 16), readout=readout
    )
    pixels = images(32).requires_grad_()
    torch.nn.functional.cross_entropy(network(pixels), torch.arange(32) % 10).backward()
    assert pixels.grad is not None and pixels.grad.any()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None and parameter.grad.any(), name


def test_sending_an_image_once_equals_sending_it_at_every_step() -> None:
    held = make(["conv 4 3", "dense 10"]).eval()
    repeated = make(["conv 4 3", "dense 10"], encoding=Encoding("repeat", 16)).eval()
    with torch.no_grad():
        one, other = held.activity(images(8)), repeated.activity(images(8))
    for mine, theirs in zip(one.trajectories, other.trajectories, strict=True):
        assert torch.equal(mine.spikes, theirs.spikes)
    assert torch.equal(one.trajectories[-1].end.potential, other.trajectories[-1].end.potential)
    assert 0.005 < one.trajectories[0].spikes.mean() < 0.95


def test_a_window_of_fewer_steps_is_that_of_a_network_with_as_many() -> None:
    short, long = (
        make(["conv 4 3", "dense 10"], steps=3).eval(),
        make(["conv 4 3", "dense 10"], steps=8).eval(),
    )
    with torch.no_grad():
        assert torch.equal(long(images(8), steps=3), short(images(8)))
        assert not torch.equal(long(images(8)), short(images(8)))


def test_logits_are_the_mean_drive_of_the_readout() -> None:
    network = make(["dense 10"]).eval()
    with torch.no_grad():
        activity = network.activity(images(5))
        parameters = network.stack[0].parameters_now()
        pixels = torch.round(images(5) * 16).flatten(1)
        drive = pixels @ parameters.weight.flatten(1).T + parameters.bias
    torch.testing.assert_close(activity.logits, drive / parameters.scale)


def test_frozen_networks_keep_scale_and_statistics_in_training() -> None:
    network = make(["conv 4 3", "dense 10"])
    network.train()
    network(images(16))
    network.freeze()
    before = [block.running_mean.clone() for block in network.stack]
    scales = [float(block.frozen_scale) for block in network.stack]
    assert all(scale > 0 for scale in scales)
    network(images(16, seed=1))
    for block, mean, scale in zip(network.stack, before, scales, strict=True):
        assert torch.equal(block.running_mean, mean) and float(block.frozen_scale) == scale


def test_float_network_is_close_and_not_equal() -> None:
    network = make(["conv 8 3", "dense 32", "dense 10"]).eval()
    with torch.no_grad():
        quantised = network.activity(images(64)).logits
        floating = network.activity(images(64), quantised=False).logits
    assert not torch.equal(quantised, floating)
    assert torch.corrcoef(torch.stack([quantised.flatten(), floating.flatten()]))[0, 1] > 0.98


@pytest.mark.parametrize(
    ("layers", "problem"),
    [
        ([], "last layer"),
        (["conv 4"], "last layer"),
        (["dense 4", "conv 4", "dense 2"], "can't follow a dense layer"),
        (["pool 3", "dense 2"], "can't be cut"),
        (["conv 4 20", "dense 2"], None),
    ],
)
def test_architectures_that_do_not_fit(layers, problem) -> None:
    if problem is None:
        assert make(layers).stack  # padding keeps the size for every kernel
        return
    with pytest.raises(SettingsError, match=problem):
        make(layers)


@pytest.mark.parametrize("kind", ["direct", "rate"])
def test_frames_can_be_given_and_gradients_reach_them(kind) -> None:
    network, keys = make(["conv 4 3", "dense 10"], encoding=Encoding(kind, 16)).eval(), np.arange(8)
    frames = network.encoded(images(8), keys, draw=3).detach().requires_grad_()
    logits = network.response(frames, keys, draw=3).logits
    assert torch.equal(logits, network(images(8), keys, draw=3))
    (gradient,) = torch.autograd.grad(logits[:, 0].sum(), frames)
    assert gradient.shape == frames.shape and gradient.abs().sum() > 0
