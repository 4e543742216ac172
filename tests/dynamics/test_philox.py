"""The compiled words are numpy's, whatever the keys."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.draws import Keys, random_words
from lavarobust.dynamics.gate import gate_draws
from lavarobust.dynamics.philox import fill_words
from lavarobust.errors import SettingsError

WORD = st.integers(0, (1 << 64) - 1)


@given(WORD, WORD, WORD, st.lists(WORD, min_size=1, max_size=3), st.integers(1, 5))
def test_words_are_those_of_the_definition(seed, stream, draw, indices, blocks):
    words = np.zeros((len(indices) + 1, 4 * blocks), dtype=np.uint64)
    keys = (np.uint64(seed), np.uint64(stream), np.uint64(draw))
    fill_words(*keys, np.array([*indices, 0], dtype=np.uint64), words, 0, len(indices))
    for row, index in zip(words, indices, strict=False):
        assert row.tolist() == random_words(seed, index, draw, 4 * blocks, stream).tolist()
    assert not words[-1].any()  # beyond the part asked for


@given(st.integers(1, 40), st.integers(1, 5), st.integers(1, 3))
def test_draws_end_anywhere_in_a_block(neurons, steps, samples):
    keys = Keys(np.arange(7, 7 + samples), draw=1)
    draws = gate_draws(3, 2, keys, steps, neurons)
    assert draws.shape == (samples, steps, neurons)
    for row, index in zip(draws, keys.indices.tolist(), strict=True):
        words = random_words(3, index, 1, -(-steps * neurons // 4), stream=2)
        assert row.ravel().tolist() == words.view("<u2")[: steps * neurons].tolist()


def test_many_samples_are_shared_out_without_a_difference():
    keys = Keys(np.arange(40))
    draws = gate_draws(1, 1, keys, 8, 500)
    assert (gate_draws(1, 1, Keys(np.array([33])), 8, 500)[0] == draws[33]).all()


@pytest.mark.parametrize(
    "seed, stream, index, draw", [(-1, 1, 0, 0), (0, -1, 0, 0), (0, 1, -5, 0), (0, 1, 0, -1)]
)
def test_negative_keys_are_refused(seed, stream, index, draw):
    with pytest.raises(SettingsError, match="of a random draw is -"):
        gate_draws(seed, stream, Keys(np.array([3, index]), draw), 1, 1)
    assert gate_draws(0, 1, Keys(np.zeros(0, dtype=np.int64)), 1, 1).shape == (0, 1, 1)
