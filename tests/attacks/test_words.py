from __future__ import annotations

import numpy as np

from lavarobust.attacks.words import attack_words
from lavarobust.draws import random_words


def test_words_belong_to_the_sample_the_seed_the_purpose_and_the_repetition():
    indices = np.array([3, 0, 12345678901])
    words = attack_words(indices, seed=4, purpose="tiles", repetition=2, count=6)
    assert words.shape == (3, 6) and words.dtype == np.uint64
    np.testing.assert_array_equal(attack_words(indices[1:2], 4, "tiles", 2, 3)[0], words[1, :3])
    others = [
        attack_words(indices, 5, "tiles", 2, 6),
        attack_words(indices, 4, "stripes", 2, 6),
        attack_words(indices, 4, "tiles", 3, 6),
        [random_words(4, int(index), 2, 6) for index in indices],
    ]
    assert len(np.unique(np.concatenate([words, *others]))) == 5 * words.size
