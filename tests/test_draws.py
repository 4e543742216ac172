"""Each of the four keys has a word of its own in Philox's key and counter."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.draws import random_words
from lavarobust.errors import SettingsError


def test_seed_index_stream_and_draw_are_words_of_key_and_counter():
    generator = np.random.Philox(key=[3, 5], counter=[0, 0, 7, 11])
    assert random_words(3, 5, 11, 9, stream=7).tolist() == generator.random_raw(9).tolist()


def test_streams_of_a_sample_share_no_word():
    assert not np.isin(random_words(1, 1, 1, 50, stream=1), random_words(1, 1, 1, 50)).any()


def test_a_negative_stream_is_refused():
    with pytest.raises(SettingsError, match="stream of a random draw is -1"):
        random_words(0, 0, 0, 1, stream=-1)
