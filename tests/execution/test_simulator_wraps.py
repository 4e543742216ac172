"""Where Lava's integers end, and where its loader bends weights: by hand, one synapse at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.execution.simulator import Simulator, compile_model, propagate
from lavarobust.netx.model import Conv, Dense, Input, Model, Neuron
from lavarobust.record import Stimulus

SILENT = Neuron(4096, 0, 131072)


def states(layer, values, steps=1):
    """Final current and potential of a one-layer model, and its record."""
    values = np.asarray(values, dtype=np.int32)
    shape = values.shape[1:-1]
    model = Model((layer,), shape)
    sent = torch.from_numpy(np.moveaxis(values, -1, 0).astype(np.float64))
    with torch.no_grad():
        [run] = propagate(compile_model(model), sent, steps)
    end = run.trajectory.end
    record = Simulator().run(model, Stimulus(values, steps), "membrane")
    np.testing.assert_array_equal(record.potential, end.potential.flatten(1).long())
    return end.current.flatten().long().tolist(), end.potential.flatten().long().tolist(), record


def dense(*weights: int, **parts) -> Dense:
    """One neuron for each weight, driven by one input; the second column only mixes the signs."""
    weight = np.array([[weight, 2 if weight < 0 else -2] for weight in weights], dtype=np.int32)
    return Dense(weight, **({"neuron": SILENT} | parts))


def pulse(value: int) -> np.ndarray:
    return np.array([[[value], [0]]])


@pytest.mark.parametrize(
    ("total", "current", "wraps"),
    [
        (131_071, 131_071 << 6, 0),
        (131_072, 1 << 23, 0),  # the half range itself stays
        (131_073, (131_073 << 6) - (1 << 24), 1),
        (-131_071, -131_071 << 6, 0),
        (-131_072, 1 << 23, 1),  # and wraps from below
        (500_000, (500_000 << 6) - (1 << 24), 1),  # once, not until it fits
    ],
)
def test_a_current_wraps_once(total, current, wraps) -> None:
    layer = Dense(np.array([[1, -1]], dtype=np.int32), SILENT)
    got, potential, record = states(layer, pulse(total))
    assert got == [current]
    assert record.layers[0].wraps.tolist() == [[wraps]]
    assert potential == [max(-(2**23 - 1), min(2**23 - 1, current))]
    assert record.layers[0].clips.tolist() == [[int(potential != [current])]]


def test_a_potential_is_clipped_every_step() -> None:
    layer = dense(254, -254)
    _, potential, record = states(layer, np.repeat(pulse(400), 3, axis=-1), 3)
    assert potential == [2**23 - 1, -(2**23 - 1)]
    assert record.layers[0].clips.tolist() == [[0, 2, 2]]


def test_dense_sums_wrap_at_32_bits() -> None:
    """254 * (2**24 + 1) becomes 254 - 2**25; 64 times that just fits, and then wraps its 24 bits once."""
    current, _, record = states(dense(254), pulse((1 << 24) + 1))
    assert current == [64 * (254 - 2**25) + 2**24]
    assert record.layers[0].wraps.tolist() == [[1]]


def test_a_shifted_sum_wraps_at_32_bits() -> None:
    """64 * (2**25 + 4) leaves 32 bits and comes back as 64 * (4 - 2**25), which wraps its 24 bits once."""
    current, _, _ = states(dense(4), pulse((1 << 23) + 1))
    assert current == [64 * (4 - 2**25) + 2**24]


@pytest.mark.parametrize("value", [16_513, 16_514, 33_028, -16_514])
def test_conv_sums_wrap_at_24_bits(value) -> None:
    kernel = np.full((1, 1, 2, 1), 254, dtype=np.int32)
    conv = Conv(kernel, Neuron(4096, 0, 131072), (1, 1, 1))
    current, _, _ = states(conv, np.full((1, 1, 2, 1, 1), value))
    wrapped = (2 * 254 * value + 2**23) % 2**24 - 2**23
    assert (wrapped != 2 * 254 * value) == (abs(value) > 16_513)
    once = (wrapped << 6) - (2**24 if wrapped << 6 > 2**23 else -(2**24) if wrapped << 6 <= -(2**23) else 0)
    assert current == [once]


def test_biases_keep_16_bits() -> None:
    layer = dense(2, 2, 2, bias=np.array([32_767, 32_768, -32_769], dtype=np.int32))
    _, potential, record = states(layer, pulse(0))
    assert potential == [32_767 << 6, -32_768 << 6, 32_767 << 6]
    assert record.layers[0].biased == 3


def test_input_images_keep_16_bits() -> None:
    values = np.array([[[40_000], [-5]]], dtype=np.int32)
    layer = Input((2,), Neuron(4096, 4096, 131072))
    model = Model((layer, Dense(np.eye(2, dtype=np.int32) * 2, SILENT)), (2,))
    sent = torch.from_numpy(np.moveaxis(values, -1, 0).astype(np.float64))
    first = next(propagate(compile_model(model), sent, 1))
    assert first.trajectory.end.potential.tolist() == [[(40_000 - 65_536) * 64, -5 * 64]]


def test_inhibitory_powers_of_two_do_not_fit_their_synapses() -> None:
    """-4 would need 256 << 0 of 255: beside -3 it executes as -3, and a single -256 as nothing."""
    assert states(Dense(np.array([[-4, -3]], dtype=np.int32), SILENT), np.array([[[1], [0]]]))[0] == [-3 << 6]
    assert states(Dense(np.array([[-256, -256]], dtype=np.int32), SILENT), np.array([[[1], [1]]]))[0] == [0]


def test_too_large_an_excitatory_matrix_becomes_zero() -> None:
    weight = np.array([[256, 2]], dtype=np.int32)
    assert states(Dense(weight, SILENT), np.array([[[1], [1]]]))[0] == [0]


def test_mixed_weights_beyond_254_are_clipped() -> None:
    weight = np.array([[300, -300]], dtype=np.int32)
    assert states(Dense(weight, SILENT), np.array([[[1], [0]]]))[0] == [254 << 6]
    assert states(Dense(weight, SILENT), np.array([[[0], [1]]]))[0] == [-256 << 6]


@pytest.mark.parametrize(("spikes", "total"), [([1, 0], -4), ([1, 1], -7), ([2, 2], -14), ([-1, 0], 3)])
def test_a_shift_that_cuts_bits_floors_the_sum(spikes, total) -> None:
    """Fitted with the recurrent 3, -4 executes as -224 >> 6 = -3.5: two of them make -7, one floors to -4."""
    layer = Dense(
        np.array([[-4, -4]], dtype=np.int32), SILENT, recurrent_weight=np.array([[3]], dtype=np.int32)
    )
    assert states(layer, np.array(spikes)[None, :, None])[0] == [total << 6]
