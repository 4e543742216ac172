"""The draws are Philox's, bit for bit, and belong to the sample."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.encoding.draws import uniform_draws
from lavarobust.errors import SettingsError

WORD = (1 << 64) - 1


def philox_4x64_10(key: tuple[int, int], counter: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The paper's function in plain integers: ten rounds, two multiplications each."""
    k0, k1 = key
    c0, c1, c2, c3 = counter
    for _ in range(10):
        first, second = 0xD2E7470EE14C6C93 * c0, 0xCA5A826395121157 * c2
        c0, c1, c2, c3 = (second >> 64) ^ c1 ^ k0, second & WORD, (first >> 64) ^ c3 ^ k1, first & WORD
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & WORD, (k1 + 0xBB67AE8584CAA73B) & WORD
    return c0, c1, c2, c3


def test_the_reference_gives_the_published_vector():
    # Random123's known-answer file: philox4x64, 10 rounds, counter and key all zero.
    expected = (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)
    assert philox_4x64_10((0, 0), (0, 0, 0, 0)) == expected


@pytest.mark.parametrize("seed, index, draw", [(0, 0, 0), (7, 59_999, 3), (WORD, WORD, WORD)])
def test_draws_are_the_upper_bits_of_philox(seed, index, draw):
    # numpy counts up before it draws, so that the first block has counter 1.
    words = [word for block in (1, 2) for word in philox_4x64_10((seed, index), (block, 0, 0, draw))]
    expected = [(word >> 11) / 2**53 for word in words]
    assert uniform_draws(seed, index, draw, 8).tolist() == expected


def test_first_values_never_change():
    assert uniform_draws(0, 0, 0, 3).tolist() == [
        0.011546754286331562,
        0.24154919656271812,
        0.11142585551493822,
    ]
    assert uniform_draws(1, 2, 3, 3).tolist() == [0.06344102965932141, 0.707504754819708, 0.27756060377104574]


def test_more_draws_begin_with_the_same_draws():
    assert uniform_draws(5, 6, 0, 100)[:7].tolist() == uniform_draws(5, 6, 0, 7).tolist()


def test_seed_index_and_draw_each_make_other_draws():
    base = uniform_draws(1, 1, 1, 50)
    for other in ((2, 1, 1), (1, 2, 1), (1, 1, 2)):
        assert not np.isin(uniform_draws(*other, 50), base).any()


def test_draws_are_uniform():
    draws = uniform_draws(3, 4, 0, 100_000)
    assert draws.min() >= 0 and draws.max() < 1
    counts = np.histogram(draws, bins=10, range=(0, 1))[0]
    assert np.abs(counts - 10_000).max() < 500


@pytest.mark.parametrize("seed, index, draw", [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (1 << 64, 0, 0)])
def test_keys_outside_64_bits_are_refused(seed, index, draw):
    with pytest.raises(SettingsError, match="random draw"):
        uniform_draws(seed, index, draw, 1)
