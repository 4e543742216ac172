"""The simulator backward: the gradient of the SLAYER network that the model was exported from."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from random_networks import FIXED, random_network

from benchmarks.parity.convolutional import random_model
from lavarobust.dynamics import Surrogate, lif, population, products
from lavarobust.encoding.straight_through import encode_straight_through
from lavarobust.execution.simulator import Simulator, compile_model, propagate
from lavarobust.execution.simulator.prepared import Prepared
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.model import Dense, Model, Neuron
from lavarobust.record import LayerCounts
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import describe, to_model
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronOptions


def slayer_trajectory(network, images, indices):
    return network.activity(images, indices).trajectories[-1]


def simulated_trajectory(network, images, indices):
    """What the simulator makes of the exported integers."""
    frames = encode_straight_through(network.encoding, images, network.steps, indices)
    *_, last = propagate(compile_model(to_model(network), Surrogate()), frames, network.steps)
    return last.trajectory


@pytest.mark.parametrize(
    ("layers", "kind", "readout"),
    [
        (["conv 4 3", "conv 6 3 2", "dense 5"], "direct", "membrane"),
        (["conv 4 3 1 decay=300", "dense 12 decay=77", "dense 5"], "repeat", "spike_count"),
        (["dense 20", "dense 5"], "rate", "membrane"),
        (["conv 4 3", "pool 2", "dense 5"], "direct", "membrane"),
    ],
)
@pytest.mark.parametrize("neuron", [FIXED, NeuronOptions("soft", "trained", "trained")])
def test_gradients_with_respect_to_pixels_are_the_slayer_networks(layers, kind, readout, neuron) -> None:
    compared = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        network = random_network(rng, layers, readout, kind, 5, neuron)
        pixels = torch.from_numpy(rng.random((3, 2, 8, 8)).astype(np.float32))
        direction = torch.from_numpy(rng.normal(size=(3, 5)))
        outputs, gradients = [], []
        for execute in (slayer_trajectory, simulated_trajectory):
            images = pixels.clone().requires_grad_()
            last = execute(network.eval(), images, np.arange(3))
            output = last.end.potential if readout == "membrane" else last.spikes.sum(0)
            gradients += torch.autograd.grad((output * direction).sum(), images)
            outputs.append(output.detach())
        assert torch.equal(*outputs)
        slayer, ours = gradients
        # the integers are equal; a pool that became part of a kernel sums its products in another order
        torch.testing.assert_close(ours, slayer, rtol=1e-4, atol=1e-6 * float(slayer.abs().max()))
        compared += bool(slayer.any())
    assert compared >= 4


def test_a_width_in_units_of_drive_is_that_of_training_where_the_record_has_thresholds() -> None:
    """The simulator's gradients are the network's own, whose surrogate does not grow with its thresholds."""
    surrogate, rng = Surrogate(width=0.8, relative=False), np.random.default_rng(3)
    network = SpikingNetwork(
        parse_layers(["conv 4 3", "dense 5"]), (2, 8, 8), 5, Encoding("direct", 16), "membrane", surrogate,
        torch.Generator().manual_seed(1), neuron=NeuronOptions(threshold="trained"),
    ).eval()  # fmt: skip
    network.stack[0].scalars.threshold.data.fill_(0.3)
    pixels = rng.random((6, 2, 8, 8)).astype(np.float32)
    described = describe(
        network, to_model(network), pixels, np.arange(6), class_names=(), data="", recipe={}, versions={}
    )
    assert described.deployment.thresholds == (pytest.approx(0.3), 1.0)
    silent = replace(described, deployment=None)
    gradients = []
    for model in (None, described, silent):
        images = torch.from_numpy(pixels).requires_grad_()
        if model is None:
            last = slayer_trajectory(network, images, np.arange(6))
        else:
            frames = encode_straight_through(network.encoding, images, 5, np.arange(6))
            *_, run = propagate(compile_model(model, surrogate), frames, 5)
            last = run.trajectory
        gradients += torch.autograd.grad(last.end.potential[:, 0].sum(), images)
    torch.testing.assert_close(
        gradients[1], gradients[0], rtol=1e-4, atol=1e-6 * float(gradients[0].abs().max())
    )
    assert not torch.allclose(gradients[2], gradients[0], rtol=1e-2)


def test_a_single_spikes_gradient_by_hand() -> None:
    """One neuron, v = 64 * 3 before a threshold of 4: the triangle of width 1 is at 3/4 of its height.

    dspike/dv = (1 - |3/4 - 1|) / (64 * 4), and dv/dx = 64 * weight.
    """
    layer = Dense(np.array([[3], [-2]], dtype=np.int32), Neuron(4096, 0, 4))
    stages = compile_model(Model((layer,), (1,)), Surrogate("triangular"))
    frames = torch.ones(1, 1, 1, requires_grad=True)
    [run] = propagate(stages, frames, 1)
    assert not run.trajectory.spikes.any()
    [gradient] = torch.autograd.grad(run.trajectory.spikes[..., 0].sum(), frames)
    assert gradient.item() == pytest.approx(0.75 / (64 * 4) * 64 * 3)


def test_delayed_and_recurrent_layers_pass_gradients_back(recurrent_model, rng) -> None:
    values = torch.from_numpy(rng.integers(0, 2, (10, 3, 5)).astype(np.float32)).requires_grad_()
    *_, last = propagate(compile_model(recurrent_model), values, 10)
    [gradient] = torch.autograd.grad(last.trajectory.spikes.sum(), values)
    assert gradient.shape == values.shape
    assert gradient.isfinite().all() and gradient.any()
    # the last layer's delays are at most 2 and the first layer's smallest is 0: the first step matters too
    assert gradient[0].any()


def test_gradients_do_not_change_the_integers(conv_model, rng) -> None:
    values = torch.from_numpy(rng.integers(-9, 17, (3, 4, 2, 7, 7)).astype(np.float32))
    with torch.no_grad():
        plain = [run.trajectory.spikes for run in propagate(compile_model(conv_model), values, 6)]
    values.requires_grad_()
    tracked = [run.trajectory.spikes for run in propagate(compile_model(conv_model), values, 6)]
    assert all(torch.equal(one, other) for one, other in zip(plain, tracked, strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_integers_and_narrow_and_wide_floating_point_agree(seed, monkeypatch) -> None:
    model, stimulus, readout = random_model(np.random.default_rng(seed))
    keep = [index for index, _ in model.populations]
    fast = Simulator().run(model, stimulus, readout, keep)
    monkeypatch.setattr(Prepared, "plan", lambda *given: None)  # all layers through the reference
    narrow = Simulator().run(model, stimulus, readout, keep)
    for module in (population, products):
        monkeypatch.setattr(module, "_FLOAT32_EXACT", 0)
    types = []
    make_window = population.make_window

    def noted(*given):
        types.append(make_window(*given).sums.dtype)
        return make_window(*given)

    monkeypatch.setattr(lif, "make_window", noted)
    wide = Simulator().run(model, stimulus, readout, keep)
    assert set(types) == {torch.float64}
    for reference in (narrow, wide):
        for index in keep:
            np.testing.assert_array_equal(fast.rasters[index], reference.rasters[index])
        np.testing.assert_array_equal(fast.output_counts, reference.output_counts)
        np.testing.assert_array_equal(fast.potential, reference.potential)
        for left, right in zip(fast.layers, reference.layers, strict=True):
            for field in fields(LayerCounts):
                np.testing.assert_array_equal(getattr(left, field.name), getattr(right, field.name))
