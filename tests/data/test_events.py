"""Recordings in N-MNIST's format, as frames of time bins, against events worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from event_files import Event, event_bytes
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.data import EventFrames
from lavarobust.data.events import Events, event_frames, read_events
from lavarobust.errors import DataError, SettingsError


def listed(events: Events) -> list[Event]:
    rows = zip(events.column, events.row, events.polarity, events.time, strict=True)
    return [tuple(int(value) for value in row) for row in rows]


def test_five_bytes_are_one_event():
    # 0x81 is polarity 1 and time bits 22..16 = 1: 0x012345 = 74565 microseconds.
    assert listed(read_events(bytes.fromhex("05 21 81 23 45"), 34, "a")) == [(5, 33, 1, 74565)]


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 33), st.integers(0, 33), st.integers(0, 1), st.integers(0, (1 << 23) - 1)),
        min_size=1,
    )
)
def test_what_is_written_is_read(events):
    assert listed(read_events(event_bytes(*events), 34, "a")) == events


def test_the_clock_s_overflow_moves_later_events_by_8192_microseconds():
    content = event_bytes((1, 2, 0, 8000), (0, 240, 0, 0), (3, 4, 1, 5), (0, 240, 0, 0), (5, 6, 0, 7))
    assert listed(read_events(content, 34, "a")) == [(1, 2, 0, 8000), (3, 4, 1, 8197), (5, 6, 0, 16391)]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "0 bytes are not one or more events of 5 bytes"),
        (bytes(9), "9 bytes"),
        (event_bytes((0, 0, 0, 1), (34, 0, 0, 2)), "event 1 is at column 34, row 0 of a sensor of 34 x 34"),
        (event_bytes((0, 34, 0, 1)), "event 0 is at column 0, row 34"),
    ],
)
def test_damaged_recordings_are_refused(content, message):
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        read_events(content, 34, "here")


def test_frames_count_events_per_polarity_pixel_and_bin():
    # two bins of 150 ms; 149,999 us is the first bin's last, 300,000 us is beyond the window
    events = read_events(
        event_bytes(
            (2, 1, 1, 0), (2, 1, 1, 149_999), (2, 1, 1, 150_000), (0, 3, 0, 299_999), (3, 3, 0, 300_000)
        ), 4, "a",
    )  # fmt: skip
    frames = event_frames(events, EventFrames(2, limit=2), 4, 300_000)
    assert frames.dtype == np.float32 and frames.shape == (2, 4, 4, 2)
    assert frames[1, 1, 2].tolist() == [1.0, 0.5]
    assert frames[0, 3, 0].tolist() == [0.0, 0.5]
    assert np.count_nonzero(frames) == 3
    assert event_frames(events, EventFrames(2), 4, 300_000)[1, 1, 2].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("bins, limit", [(0, 1), (4, 0), (1 << 20, 1)])
def test_impossible_frames_are_refused(bins, limit):
    with pytest.raises(SettingsError, match="event frames"):
        EventFrames(bins, limit)


def test_slayer_reads_the_same_events(tmp_path):
    from lavarobust.compat import activate

    activate()
    from lava.lib.dl.slayer.io import read_2d_spikes

    rng = np.random.default_rng(0)
    events = [
        tuple(int(value) for value in (*rng.integers(0, 34, 2), rng.integers(2), rng.integers(0, 1 << 23)))
        for _ in range(200)
    ]
    (tmp_path / "1.bs2").write_bytes(event_bytes(*events))
    theirs = read_2d_spikes(str(tmp_path / "1.bs2"))
    ours = read_events((tmp_path / "1.bs2").read_bytes(), 34, "1.bs2")
    for values, axis in ((ours.column, theirs.x), (ours.row, theirs.y), (ours.polarity, theirs.c)):
        assert np.array_equal(values, axis)
    assert np.array_equal(ours.time / 1000, theirs.t)
