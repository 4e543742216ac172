"""Bounds by hand, and never exceeded by a simulated neuron."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.netx import (
    READOUT,
    Conv,
    Dense,
    GradedSum,
    Input,
    Model,
    Neuron,
    Shortcut,
    StateBound,
    effective_bias,
    state_bounds,
)


def one_dense(
    weight: list[list[int]], neuron: Neuron, bias: list[int] | None = None, **more: object
) -> Model:
    array = np.array(weight, dtype=np.int32)
    layer = Dense(array, neuron, None if bias is None else np.array(bias, dtype=np.int32), **more)
    return Model((layer,), input_shape=(array.shape[1],))


def test_readout_accumulates_both_ways() -> None:
    model = one_dense([[6, -4]], READOUT, [3])
    (bound,) = state_bounds(model, steps=5, input_low=0, input_high=2, events=5)
    assert bound == StateBound("0 dense", current=6 * 2 * 64, potential=5 * (12 + 3) * 64)
    (bound,) = state_bounds(model, 5, -2, 0, 5)
    assert bound.potential == 5 * (12 - 3) * 64 or bound.potential == 5 * (8 + 3) * 64
    assert bound.potential == max(5 * (12 - 3) * 64, 5 * (8 + 3) * 64)


def test_hard_reset_bounds_the_upper_side_only() -> None:
    model = one_dense([[6, -4]], Neuron(4096, 0, threshold=10))
    (bound,) = state_bounds(model, 20, 0, 1, 20)
    assert bound.potential == 20 * 4 * 64
    (bound,) = state_bounds(one_dense([[6, -2]], Neuron(4096, 0, threshold=100)), 40, 0, 1, 40)
    assert bound.potential == (100 + 6) * 64


def test_a_soft_reset_takes_no_more_than_the_threshold_off() -> None:
    """Six per step, of which each of the 19 resets before the last step takes two."""
    model = one_dense([[6, -4]], Neuron(4096, 0, threshold=2, reset="soft"))
    (bound,) = state_bounds(model, 20, 0, 1, 20)
    assert bound.potential == (20 * 6 - 19 * 2) * 64
    (bound,) = state_bounds(one_dense([[6, -2]], Neuron(4096, 0, threshold=100, reset="soft")), 40, 0, 1, 40)
    assert bound.potential == (100 + 6) * 64


def test_held_input_integrates_from_one_frame() -> None:
    model = one_dense([[6, -4]], Neuron(0, 0, READOUT.threshold))
    (bound,) = state_bounds(model, 4, 0, 10, 1)
    assert bound == StateBound("0 dense", current=60 * 64, potential=4 * 60 * 64)
    (bound,) = state_bounds(model, 4, 0, 10, 4)
    assert bound == StateBound("0 dense", current=4 * 60 * 64, potential=(1 + 2 + 3 + 4) * 60 * 64)


def test_forgetting_current_after_one_frame_leaves_the_bias() -> None:
    (bound,) = state_bounds(one_dense([[6]], READOUT, [1]), 4, 0, 1, 1)
    assert bound == StateBound("0 dense", current=6 * 64, potential=(6 + 4) * 64)


def test_channels_are_bounded_each_by_its_own_bias() -> None:
    model = one_dense([[10], [2]], READOUT, [0, 20])
    (bound,) = state_bounds(model, 1, 0, 1, 1)
    assert bound.potential == 22 * 64


def test_deeper_layers_receive_spikes_in_every_step() -> None:
    first = Conv(np.full((2, 1, 2, 2), 2, dtype=np.int32), Neuron(4096, 0, 4), shape=(2, 2, 2))
    model = Model(
        (first, Conv(np.full((1, 2, 2, 2), -6, dtype=np.int32), READOUT, shape=(1, 1, 1))),
        input_shape=(1, 3, 3),
    )
    bounds = state_bounds(model, 3, 0, 255, 1)
    assert [bound.layer for bound in bounds] == ["0 conv", "1 conv"]
    assert bounds[0].current == 4 * 2 * 255 * 64
    assert bounds[1] == StateBound("1 conv", current=48 * 64, potential=3 * 48 * 64)


def test_recurrence_and_delays_are_included() -> None:
    model = one_dense([[6]], READOUT, recurrent_weight=np.array([[10]], dtype=np.int32))
    (bound,) = state_bounds(model, 3, 0, 1, 1)
    assert bound == StateBound("0 dense", current=16 * 64, potential=3 * 16 * 64)
    model = one_dense([[6]], READOUT, delay=np.array([5], dtype=np.int32))
    (bound,) = state_bounds(model, 10, 0, 1, 1)
    assert bound.current == 6 * 64


def test_input_neurons_are_driven_by_their_bias_mantissas() -> None:
    neuron = Neuron(4096, 0, READOUT.threshold)
    model = Model((Input((1,), neuron, weight=2, bias=-3), Dense(np.array([[2]], np.int32), READOUT)), (1,))
    bounds = state_bounds(model, 4, -3, 17, 1)
    assert bounds[0] == StateBound("0 input", current=0, potential=4 * 17 * 64)
    assert bounds[1].current == 2 * 64


def test_large_numbers_stay_exact() -> None:
    weight = np.full((1, 1, 1, 3), (1 << 31) - 1, dtype=np.int32)
    model = Model((Conv(weight, READOUT, shape=(1, 1, 1)),), input_shape=(1, 1, 3))
    (bound,) = state_bounds(model, 1000, 0, 1 << 30, 1000)
    assert bound.potential == 1000 * 3 * ((1 << 31) - 1) * (1 << 30) * 64


@settings(max_examples=100)
@given(st.data())
def test_no_simulated_neuron_exceeds_its_bound(data: st.DataObject) -> None:
    inputs, outputs, steps = 4, 3, 12
    draw = np.random.default_rng(data.draw(st.integers(0, 1 << 30)))
    decays = int(draw.choice([0, 128, 4096])), int(draw.choice([0, 77, 4096]))
    reset = data.draw(st.sampled_from(["hard", "soft"]))
    neuron = Neuron(*decays, int(draw.choice([1, 300, 131072])), reset=reset)
    weight = (2 * draw.integers(-127, 128, (outputs, inputs))).astype(np.int32)
    weight[0, :2] = (2, -2)
    bias = draw.integers(-400, 400, outputs).astype(np.int32)
    low, high, events = -5, 9, int(draw.choice([1, 7, steps]))
    layer = Dense(weight, neuron, bias)
    (bound,) = state_bounds(Model((layer,), (inputs,)), steps, low, high, events)
    current, potential = np.zeros(outputs, np.int64), np.zeros(outputs, np.int64)
    for step in range(steps):
        sent = draw.choice([low, 0, high], inputs) if step < events else np.zeros(inputs, np.int64)
        current = _decayed(current, neuron.current_decay) + 64 * (weight.astype(np.int64) @ sent)
        potential = _decayed(potential, neuron.voltage_decay) + current + effective_bias(layer)
        assert np.abs(current).max() <= bound.current
        assert np.abs(potential).max() <= bound.potential
        if neuron.threshold < READOUT.threshold:
            spiked = potential > neuron.threshold * 64
            potential[spiked] = potential[spiked] - neuron.threshold * 64 if reset == "soft" else 0


def _decayed(state: np.ndarray, decay: int) -> np.ndarray:
    return np.sign(state) * (np.abs(state) * (4096 - decay) >> 12)


def test_sums_and_shortcuts_by_hand() -> None:
    """Spikes make sums of 12 down to -8; what is sent of them and the spikes meet in the last layer."""
    lif = Neuron(4096, 4096, threshold=10)
    first = Dense(np.array([[2], [2]], dtype=np.int32), lif)
    total = Dense(np.array([[12, -8]], dtype=np.int32), GradedSum(2))
    beside = Shortcut(0, np.array([[10, -6]], dtype=np.int32))
    last = Dense(np.array([[4]], dtype=np.int32), lif, shortcuts=(beside,))
    model = Model((first, total, last), (1,))
    _, second, third = state_bounds(model, 5, 0, 1, 5)
    assert second == StateBound("1 dense", current=12, potential=0)
    # sent: (12 + 2) >> 2 = 3 and (-8 + 2) >> 2 = -2; 4 * 3 + 10 = 22 and 4 * -2 - 6 = -14
    assert third == StateBound("2 dense", current=22 * 64, potential=22 * 64)
