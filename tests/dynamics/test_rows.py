"""Rows of numbers in compiled loops against plain numpy and plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.dynamics.compiled import compiled
from lavarobust.dynamics.rows import LANES, TILE, learn_tile, step_rows, sum_tile

HALF = 1 << 23


@compiled
def _sum(target, source, at, tile, weights, start, offsets, kind, taps, lanes):
    sum_tile(target, source, at, tile, weights, start, offsets, kind, taps, lanes)


@compiled
def _learn(d_weights, start, source, at, first, last, d_target, offsets, kind, tap):
    learn_tile(d_weights, start, source, at, first, last, d_target, offsets, kind, tap)


@compiled
def _step(sums, bias, u, v, before, spikes, rows, kept_u, kept_v, threshold, left, keep, tops):
    return step_rows(sums, bias, u, v, before, spikes, rows, kept_u, kept_v, threshold, left, keep, tops)


def tiles(rng, count):
    """Blocks of ``count`` tiles that read anywhere in 40 numbers and are 16 apart."""
    at = np.stack([rng.integers(0, 40, count * TILE), LANES * np.arange(count * TILE)], axis=1)
    return at.reshape(count, TILE, 2)


@pytest.mark.parametrize("lanes", [1, 12, 16])
def test_a_tile_of_sums(lanes) -> None:
    rng = np.random.default_rng(0)
    at, offsets = tiles(rng, 2), rng.integers(0, 20, (2, 5))
    at[1, :, 1] = 100 + lanes * np.arange(TILE)
    at[1, 3:, 1] += 5
    source = rng.integers(-9, 10, 60).astype(np.float32)
    weights = rng.integers(-9, 10, 100).astype(np.float32)
    target = np.full(2 * TILE * LANES, 7, dtype=np.float32)
    _sum(target, source, at, 1, weights, 4, offsets, 1, 5, lanes)
    rows = weights[4 : 4 + 5 * LANES].reshape(5, LANES)
    expected = np.full_like(target, 7)
    for first, to in at[1]:
        expected[to : to + lanes] = (source[first + offsets[1]] @ rows)[:lanes]
    assert np.array_equal(target, expected)


def test_what_eight_weights_learn_is_added() -> None:
    rng = np.random.default_rng(1)
    at, offsets = tiles(rng, 3), rng.integers(0, 20, (2, 2 * TILE))
    source = rng.integers(-9, 10, 60).astype(np.float32)
    d_target = rng.integers(-9, 10, 3 * TILE * LANES).astype(np.float32)
    d_weights = np.ones(4 + 2 * TILE * LANES, dtype=np.float32)
    _learn(d_weights, 4, source, at, 1, 3, d_target, offsets, 1, TILE)
    expected = np.ones_like(d_weights)
    for first, to in at[1:].reshape(-1, 2):
        for tap in range(TILE, 2 * TILE):
            low = 4 + tap * LANES
            expected[low : low + LANES] += source[first + offsets[1, tap]] * d_target[to : to + LANES]
    assert np.array_equal(d_weights, expected)


def one_step(u, v, total, bias, kept_u, kept_v, threshold, soft):
    """A neuron's step in Python integers."""

    def left(state, kept):
        return abs(state) * kept // 4096 * (1 if state >= 0 else -1)

    u = left(u, kept_u) + total * 64
    top_u, wrapped = abs(u), u > HALF or u <= -HALF
    u += -2 * HALF if u > HALF else 2 * HALF if wrapped else 0
    active = bool(u or v or bias)
    v = left(v, kept_v) + u + bias
    top_v, clipped = abs(v), abs(v) > HALF - 1
    v = max(-(HALF - 1), min(HALF - 1, v))
    fired = v > threshold
    return u, (v - threshold) * soft if fired else v, v, fired, wrapped, clipped, top_u, top_v, active


@pytest.mark.parametrize(("kept_u", "kept_v"), [(0, 4096), (4096, 0), (3000, 17)])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("soft", [False, True])
def test_a_step_of_neurons(kept_u, kept_v, keep, soft) -> None:
    rng = np.random.default_rng(2)
    size, threshold = 3 * LANES, 900_000
    sums = rng.integers(-300_000, 300_001, size).astype(np.float32)
    sums[:4] = [131_072, -131_072, 0, 131_073]
    bias = (64 * rng.integers(-4096, 4096, size)).astype(np.int32)
    u, v = (rng.integers(-HALF + 1, HALF, size).astype(np.int32) for _ in range(2))
    u[:2] = 0
    for at_rest in (sums, bias, u, v):
        at_rest[20:25] = 0
    u[20] = v[21] = bias[22] = 1
    sums[23] = 1
    expected = [
        one_step(*map(int, state), kept_u, kept_v, threshold, soft)
        for state in zip(u, v, sums, bias, strict=True)
    ]
    before, spikes = np.zeros(size, dtype=np.float32), np.full(size, 5, dtype=np.float32)
    tops = np.zeros(2 * LANES, dtype=np.int32)
    given = np.int32(kept_u), np.int32(kept_v), np.int32(threshold), np.int32(-1 if soft else 0)
    wraps, clips, active = _step(sums, bias, u, v, before, spikes, 3, *given, keep, tops)
    columns = list(zip(*expected, strict=True))
    assert u.tolist() == list(columns[0]) and v.tolist() == list(columns[1])
    assert np.array_equal(before, np.float32(columns[2]) if keep else np.zeros(size))
    assert spikes.tolist() == list(columns[3]) and 0 < spikes.sum() < size
    assert (wraps, clips) == (sum(columns[4]), sum(columns[5])) and wraps and clips
    assert active == sum(columns[8]) and active < size
    assert (tops[:LANES].max(), tops[LANES:].max()) == (max(columns[6]), max(columns[7]))
