"""Rows of 32 in vector instructions, lists of events and words of spikes, against plain integers."""

from __future__ import annotations

import numba
import numpy as np
import pytest

from lavarobust.execution.simulator.events import SPARE, count_row, list_spikes, list_values, put_row
from lavarobust.execution.simulator.neuron_rows import add_row, read_row, start_row, step_row
from lavarobust.execution.simulator.order import pack
from lavarobust.execution.simulator.vectors import (
    LANES,
    add_rows,
    add_rows_times,
    set_bits,
)

LIMIT = 1 << 23


@numba.njit
def call_step(drive, u, v, at, bias, kept_u, kept_v, threshold, left):
    return step_row(drive, u, v, at, bias, 0, kept_u, 0, kept_v, 0, threshold, left)


@numba.njit
def call_read(sums, at, negated, left, right, wrapped, drive):
    return read_row(sums, at, negated, left, right, wrapped, drive)


@numba.njit
def call_add(sums, at, weights, base, rows, first, last):
    add_rows(sums, at, weights, base, rows, first, last)


@numba.njit
def call_add_times(sums, at, weights, base, rows, factors, first, last):
    add_rows_times(sums, at, weights, base, rows, factors, first, last)


@numba.njit
def call_add_row(drive, more):
    add_row(drive, more)


@numba.njit
def call_start(sums, full, low, negated):
    start_row(sums, full, low, negated)


@numba.njit
def call_set_bits(word):
    return set_bits(word)


def truncated(state: int, kept: int) -> int:
    size = abs(state) * kept >> 12
    return -size if state < 0 else size


def stepped(drive: int, u: int, v: int, bias: int, kept_u: int, kept_v: int, threshold: int, soft: int):
    """A neuron's step in Python's integers: states, spike, wrap, clip, whether it was active."""
    u = truncated(u, kept_u) + 64 * drive
    turn = 2 * LIMIT if u > LIMIT else -2 * LIMIT if u <= -LIMIT else 0
    u -= turn
    active = bool(u or v or bias)
    v = truncated(v, kept_v) + u + bias
    held = max(-(LIMIT - 1), min(LIMIT - 1, v))
    fired = held > threshold
    return u, soft * (held - threshold) if fired else held, fired, turn != 0, held != v, active


def bits(word: int) -> list[bool]:
    return [bool(word >> i & 1) for i in range(LANES)]


def test_a_row_of_neurons_steps_as_plain_integers_do() -> None:
    rng = np.random.default_rng(0)
    edges = np.array([0, 1, -1, 4095, -4097, LIMIT - 1, LIMIT, 1 - LIMIT, -LIMIT])
    seen = np.zeros(4, dtype=int)
    for _ in range(200):
        states = [
            np.where(rng.random(64) < 0.5, rng.choice(edges, 64), rng.integers(-LIMIT, LIMIT, 64))
            for _ in "uv"
        ]
        u, v = (state.astype(np.int32) for state in states)
        drive = rng.integers(-300_000, 300_001, LANES).astype(np.int32)
        bias = rng.integers(-(1 << 21), 1 << 21, LANES).astype(np.int32)
        for at_rest in (u[20:], v[20:], drive, bias):
            at_rest[:5] = 0
        kept = [rng.choice([0, 4096, *rng.integers(1, 4096, 3)], LANES).astype(np.int32) for _ in "uv"]
        threshold = int(rng.choice([0, 64, 1 << 20, LIMIT - 1]))
        soft = int(rng.integers(2))
        expected = [
            stepped(*map(int, (drive[k], u[20 + k], v[20 + k], bias[k], *kept_k, threshold, soft)))
            for k, kept_k in enumerate(zip(*kept, strict=True))
        ]
        before = u.copy(), v.copy()
        words = call_step(drive, u, v, 20, bias, *kept, threshold, -soft)
        columns = list(zip(*expected, strict=True))
        assert u[20:52].tolist() == list(columns[0]) and v[20:52].tolist() == list(columns[1])
        assert [bits(int(word)) for word in words] == [list(map(bool, column)) for column in columns[2:]]
        for now, then in zip((u, v), before, strict=True):
            assert (np.delete(now, range(20, 52)) == np.delete(then, range(20, 52))).all()
        seen += [word != 0 for word in words]
        assert not words[3] & 0b11111
    assert (seen > 50).all()


@pytest.mark.parametrize("kind", [np.int16, np.int32])
def test_sums_are_read_as_synapses_send_them(kind) -> None:
    rng = np.random.default_rng(1)
    top = np.iinfo(kind).max >> 7
    sums = rng.integers(-top, top + 1, 80).astype(kind)
    drive = np.zeros(LANES, dtype=np.int32)
    for negated in (False, True):
        for left, right in ((0, 0), (6, 0), (0, 3)):
            lost = bits(int(call_read(sums, 7, negated, left, right, True, drive)))
            exact = [(-int(s) if negated else int(s)) << left for s in sums[7:39]]
            cut = [((value >> right) + LIMIT) % (2 * LIMIT) - LIMIT for value in exact]
            assert drive.tolist() == cut
            assert lost == [c << right != value for c, value in zip(cut, exact, strict=True)]
            call_read(sums, 7, negated, left, right, False, drive)
            assert drive.tolist() == [value >> right for value in exact]


@pytest.mark.parametrize(("weights", "sums"), [("int8", "int16"), ("int8", "int32"), ("int16", "int16")])
def test_rows_are_widened_and_added(weights, sums) -> None:
    rng = np.random.default_rng(2)
    matrix = rng.integers(-128, 128, (10, LANES)).astype(weights)
    rows = np.array([3, 3, 9, 0, 7], dtype=np.int32)
    total = np.arange(50).astype(sums)
    call_add(total, 5, matrix.reshape(-1), LANES, rows[:] - 1 + (rows == 0), 1, 4)
    expected = np.arange(50)
    for row in (3, 9, 1):
        expected[5:37] += matrix[row]
    assert total.tolist() == expected.tolist()


@pytest.mark.parametrize("count", range(11))
def test_rows_are_added_in_turns_and_one_by_one(count) -> None:
    matrix = np.arange(11 * LANES).reshape(11, LANES).astype(np.int16)
    total = np.zeros(LANES, dtype=np.int16)
    call_add(total, 0, matrix.reshape(-1), 0, np.arange(11, dtype=np.int32), 0, count)
    assert total.tolist() == matrix[:count].sum(axis=0).tolist()


@pytest.mark.parametrize(("negated", "expected"), [(True, -1), (False, 0)])
def test_a_row_starts_from_zero_or_from_all_inputs(negated, expected) -> None:
    sums, full = np.full(LANES, 9, dtype=np.int16), np.arange(50, dtype=np.int16)
    call_start(sums, full, 10, negated)
    assert sums.tolist() == (expected * full[10:42]).tolist()


def test_rows_are_multiplied_by_their_values() -> None:
    matrix = np.arange(3 * LANES).reshape(3, LANES).astype(np.int8)
    rows, factors = np.array([2, 0, 1], dtype=np.int32), np.array([-70_000, 3, 9], dtype=np.int32)
    total = np.zeros(LANES, dtype=np.int32)
    call_add_times(total, 0, matrix.reshape(-1), 0, rows, factors, 0, 2)
    assert total.tolist() == (-70_000 * matrix[2].astype(int) + 3 * matrix[0].astype(int)).tolist()
    call_add_row(total, np.arange(LANES, dtype=np.int32))
    assert total[1] == -70_000 * 65 + 3 + 1


@pytest.mark.parametrize("inputs", [1, 63, 64, 65, 200])
def test_spikes_are_listed_or_the_silent_where_they_are_fewer(inputs) -> None:
    rng = np.random.default_rng(inputs)
    for share in (0.0, 0.3, 0.5, 0.9, 1.0):
        active = rng.random(inputs) < share
        padded = np.zeros(-(-inputs // 64) * 64, dtype=bool)
        padded[:inputs] = active
        words = np.zeros((2, 3, len(padded) // 64), dtype=np.uint64)
        words[1, 2] = np.packbits(padded, bitorder="little").view(np.uint64)
        for reaching in (np.ones(inputs, dtype=bool), rng.random(inputs) < 0.5):
            worth = pack(reaching[None, :, None], np.arange(inputs))[0, 0]
            listed = np.full(inputs + 3 + SPARE, -1, dtype=np.int32)
            spikes, found, silent = list_spikes(words, 1, 2, inputs, worth, listed, 3)
            assert spikes == active.sum()
            assert silent == (2 * active.sum() > inputs)
            assert listed[3 : 3 + found].tolist() == np.flatnonzero((active != silent) & reaching).tolist()
            assert (listed[:3] == -1).all()


@pytest.mark.parametrize("inputs", [5, 64, 130])
def test_values_are_marked_and_listed_with_their_amounts(inputs) -> None:
    rng = np.random.default_rng(inputs)
    values = (rng.integers(-9, 10, (2, 3, inputs)) * (rng.random((2, 3, inputs)) < 0.4)).astype(np.int32)
    values[1, 2, :5] = 0, 5, 0, -2, 7
    expected = np.flatnonzero(values[1, 2])
    listed, amounts = (np.full(inputs + 1 + SPARE, -1, dtype=np.int32) for _ in range(2))
    marked = np.full((1, 1, -(-inputs // 64)), 99, dtype=np.uint64)
    assert list_values(values, 1, 2, marked, listed, amounts, 1) == len(expected)
    last = 1 + len(expected)
    assert listed[1:last].tolist() == expected.tolist()
    assert amounts[1:last].tolist() == values[1, 2, expected].tolist()
    assert (listed[0], amounts[0]) == (-1, -1)
    marks = np.unpackbits(marked.view(np.uint8), bitorder="little")
    assert np.flatnonzero(marks).tolist() == expected.tolist()


def test_a_row_of_spikes_falls_across_words() -> None:
    words = np.zeros((1, 1, 2), dtype=np.uint64)
    fired = np.uint32(0b1000_0000_0000_0000_0000_0000_0000_1011)
    put_row(fired, 40, words, 0, 0, 62)
    assert words[0, 0].tolist() == [3 << 62, 0b10 | 1 << 29]
    words[:] = 0
    put_row(fired, 3, words, 0, 0, 61)  # the rest belongs to nobody
    assert words[0, 0].tolist() == [3 << 61, 0]
    put_row(fired, 40, words, 0, 0, 96)
    assert words[0, 0].tolist() == [3 << 61, int(fired) << 32]
    assert count_row(fired, 2) == 2 and count_row(fired, 32) == 4 and count_row(fired, 99) == 4


def test_bits_are_counted() -> None:
    assert [call_set_bits(np.uint64(word)) for word in (0, 1, (1 << 64) - 1, 5 << 61)] == [0, 1, 64, 2]
