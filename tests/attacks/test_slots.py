from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.attacks.slots import chunks


@given(st.lists(st.integers(0, 10**9), max_size=60), st.integers(1, 9))
def test_every_sample_lies_once_in_the_row_of_its_index(indices, size):
    seen = []
    for positions, rows in chunks(np.array(indices, dtype=np.int64), size):
        assert len(positions) > 0
        assert len(set(rows)) == len(rows)
        assert [indices[position] % size for position in positions] == list(rows)
        seen += list(positions)
    assert sorted(seen) == list(range(len(indices)))


def test_consecutive_samples_fill_their_chunks():
    assert [len(rows) for _, rows in chunks(np.arange(100, 130), 8)] == [8, 8, 8, 6]


@given(st.sets(st.integers(0, 200)), st.data())
def test_leaving_samples_out_never_takes_more_chunks(indices, data):
    kept = [index for index in indices if data.draw(st.booleans())]
    count = [len(list(chunks(np.array(which, dtype=np.int64), 8))) for which in (list(indices), kept)]
    assert count[1] <= count[0]
