"""The analog twin against sums by hand, and against the rates of neurons that do as it does."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.errors import BackendError
from lavarobust.execution.simulator import analog_scores, compile_model, propagate
from lavarobust.netx.model import (
    READOUT,
    Conv,
    Dense,
    Flatten,
    Gate,
    GradedSum,
    Input,
    Model,
    Neuron,
    Shortcut,
)


def dense(*weight, neuron, **more) -> Dense:
    return Dense(np.array(weight, dtype=np.int32), neuron, **more)


def scores(model: Model, frames, steps: int, readout="membrane") -> torch.Tensor:
    return analog_scores(compile_model(model), torch.as_tensor(frames), steps, readout)


def test_two_layers_by_hand() -> None:
    """Held at (3, 1): currents (2, -2, 8) + bias (0, 0, -4), in thresholds of 2: 1, 0 and 2."""
    hidden = dense(
        [2, -4], [-2, 4], [2, 2], neuron=Neuron(0, 0, 2), bias=np.array([0, 0, -4], dtype=np.int32)
    )
    model = Model((hidden, dense([2, 8, -6], [0, 4, 4], neuron=READOUT)), (2,))
    frames = torch.tensor([[[3.0, 1.0]]], requires_grad=True)
    made = scores(model, frames, 5)
    # a readout gathers 64 per unit of drive in each of five steps
    torch.testing.assert_close(made, 5 * 64 * torch.tensor([[2.0 - 12, 8.0]]))
    (gradient,) = torch.autograd.grad(made[0, 0], frames)
    # 2 / 2 * (2, -4) - 6 / 2 * (2, 2); nothing through the second neuron
    torch.testing.assert_close(gradient[0], 5 * 64 * torch.tensor([[2.0 - 6, -4.0 - 6]]))


def test_frames_count_by_their_mean_and_spikes_by_their_current() -> None:
    last = dense([2, 4], neuron=Neuron(4096, 0, 8))
    made = scores(Model((last,), (2,)), [[[1.0, 0]], [[0, 0]], [[1, 1]], [[0, 1]]], 4, "spike_count")
    assert made.item() == pytest.approx(4 * (2 * 0.5 + 4 * 0.5) / 8)
    below = scores(Model((last,), (2,)), [[[-1.0, 0]]] * 4, 4, "spike_count")
    assert below.item() == pytest.approx(4 * -2 / 8)


def test_a_current_that_decays_is_averaged_over_the_window() -> None:
    """Half is kept: 1 in the first of 3 steps makes 1, 1/2, 1/4; 1 in every step 1, 3/2, 7/4."""
    model = Model((dense([2], neuron=Neuron(2048, 0, 2)),), (1,))
    assert scores(model, [[[1.0]]], 3, "spike_count").item() == pytest.approx(7 / 4)
    assert scores(model, [[[1.0]]] * 3, 3, "spike_count").item() == pytest.approx(17 / 4)


def test_gates_let_their_share_through_and_sums_are_rounded_by_none() -> None:
    gate = Gate(np.array([1 << 15, 1 << 16], dtype=np.int32), seed=0, stream=1)
    layers = (
        dense([6], [2], neuron=GradedSum(2)),
        dense([4, 0], [0, 8], neuron=Neuron(4096, 0, 4), gate=gate),
        dense([2, 2], neuron=READOUT, shortcuts=(Shortcut(0, np.array([[2, 0]], dtype=np.int32)),)),
    )
    made = scores(Model(layers, (1,)), [[[1.0]]] * 2, 2)
    sent = np.array([6 / 4, 2 / 4])
    activations = np.array([4 * sent[0] / 4 / 2, 8 * sent[1] / 4])
    assert made.item() == pytest.approx(2 * 64 * (2 * activations.sum() + 2 * sent[0]))


def test_convolutions_and_input_populations() -> None:
    kernel = np.array([[[[2, 4]]]], dtype=np.int32)
    model = Model(
        (
            Input((1, 1, 3), Neuron(4096, 0, 4), 1),
            Conv(kernel, Neuron(4096, 0, 2), (1, 1, 2)),
            Flatten(),
            dense([2, 6], neuron=READOUT),
        ),
        (1, 1, 3),
    )
    made = scores(model, torch.tensor([2.0, -1, 4]).view(1, 1, 1, 1, 3), 2)
    # biases in thresholds: 1/2, 0 and 1; then (2 * 1/2 + 0, 4 * 1) / 2
    assert made.item() == pytest.approx(2 * 64 * (2 * 0.5 + 6 * 2.0))


def test_neurons_that_keep_their_rest_spike_at_the_twins_rate() -> None:
    """Soft resets, no leak, drives up to one threshold a step: spikes within one of the activation."""
    generator = np.random.default_rng(3)
    weight = generator.integers(-127, 128, (40, 20)).astype(np.int32) * 2
    model = Model((Dense(weight, Neuron(0, 0, 3000, reset="soft")),), (20,))
    frames = torch.from_numpy(generator.integers(0, 4, (1, 6, 20)).astype(np.float64))
    [run] = propagate(compile_model(model), frames, 50)
    counts, activation = run.trajectory.spikes.sum(0), scores(model, frames, 50, "spike_count").relu()
    within = activation <= 50
    assert within.all() and (counts > 5).sum() > 20
    assert ((counts - activation).abs() <= 1).all()


def test_recurrent_layers_have_no_twin(recurrent_model) -> None:
    with pytest.raises(BackendError, match="1 dense is recurrent"):
        scores(recurrent_model, torch.zeros(3, 2, 5), 3)
