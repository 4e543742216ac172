"""Synapses counted by words of spikes are those of each spike's own fan-out."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from lavarobust.execution.simulator.fan_out import driven, in_digits
from lavarobust.execution.simulator.order import pack
from lavarobust.execution.simulator.vectors import COLUMNS


@numba.njit
def call_driven(words, n, t, fan_out):
    return driven(words, n, t, fan_out)


def counted(fan_out: np.ndarray, active: np.ndarray) -> tuple[int, int]:
    """Synapses that are not zero and all, which ``active`` inputs drive, as the loop counts them."""
    words = np.full((2, 3, -(-len(active) // 64)), np.uint64(2**64 - 1))  # a busy rest, to be left alone
    words[1, 2] = pack(active[None, :, None], np.arange(len(active)))[0, 0]
    packed = call_driven(words, 1, 2, in_digits(fan_out))
    return packed >> 32, packed & 0xFFFFFFFF


def test_two_inputs_by_hand() -> None:
    fan_out = np.array([[1, 2], [3, 7]])
    assert counted(fan_out, np.array([True, False])) == (1, 2)
    assert counted(fan_out, np.array([False, True])) == (3, 7)
    assert counted(fan_out, np.array([True, True])) == (4, 9)
    assert counted(fan_out, np.array([False, False])) == (0, 0)


@pytest.mark.parametrize("inputs", [1, 63, 64, 65, 500])
@pytest.mark.parametrize("most", [0, 1, 4, 1_000_000])
def test_sums_are_those_of_each_input(inputs, most) -> None:
    rng = np.random.default_rng(inputs)
    reached = rng.integers(0, most + 1, inputs)
    fan_out = np.stack([reached - rng.integers(0, reached + 1), reached], axis=1)
    for share in (0.0, 0.1, 0.6, 1.0):
        active = rng.random(inputs) < share
        assert counted(fan_out, active) == tuple(fan_out[active].sum(axis=0))


def test_half_of_an_integer_is_enough_for_the_largest_counts() -> None:
    """1,000 inputs with two million synapses each; counts are kept in 32 bits, sign and all."""
    fan_out = np.tile(np.array([[2_000_000, 2_000_001]]), (1_000, 1))
    assert counted(fan_out, np.ones(1_000, dtype=bool)) == (2_000_000_000, 2_000_001_000)


@pytest.mark.parametrize(
    ("fan_out", "digits"),
    [
        ([[9, 9]] * 3, 1),  # what all inputs have in common
        ([[0, 0]] * 3, 0),
        ([[144, 144], [96, 96], [144, 144], [48, 48]], 3),  # 48, and 0 to 2 times 48 above
        ([[9, 10], [8, 10], [7, 10], [7, 10]], 3),  # 10, less one zero weight and up to 2 more
    ],
)
def test_digits_are_as_few_as_tell_inputs_apart(fan_out, digits) -> None:
    held = in_digits(np.array(fan_out))
    assert np.count_nonzero(held.worth) == digits
    assert held.digits.shape == (1, 1, COLUMNS)
