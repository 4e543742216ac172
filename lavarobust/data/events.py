"""Recordings of events in the 40-bit format of N-MNIST and of SLAYER's .bs2 files, and frames of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.errors import DataError, SettingsError

EVENT_BYTES = 5
POLARITIES = 2
OVERFLOW_ROW = 240
"""An event in this row is none: the clock went over (github.com/gorchard/event-Python, eventvision.py)."""
OVERFLOW_MICROSECONDS = 1 << 13

_BINS_MAX = 1 << 16


@dataclass(frozen=True)
class EventFrames:
    """How a recording becomes frames.

    Attributes:
        bins: T, frames of equal duration.
        limit: most events of one pixel, polarity and bin that count; a frame holds their number divided
            by it. 1 gives frames of spikes.

    Raises:
        SettingsError: bins or limit below 1, or far beyond any recording.
    """

    bins: int
    limit: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.bins <= _BINS_MAX:
            raise SettingsError(f"event frames of {self.bins} time bins. Give 1 to {_BINS_MAX}")
        if self.limit < 1:
            raise SettingsError(f"event frames that count {self.limit} events. Give at least 1")


@dataclass(frozen=True, eq=False)
class Events:
    """One recording: ``(n,)`` int64 column, row, polarity (0 off, 1 on) and time in microseconds."""

    column: np.ndarray
    row: np.ndarray
    polarity: np.ndarray
    time: np.ndarray


def read_events(content: bytes, side: int, where: object) -> Events:
    """The events of one file.

    Five bytes an event: column; row; polarity in the highest bit of the third; time in microseconds, 23
    bits, in what is left (Orchard et al. 2015, "Converting static image datasets to spiking neuromorphic
    datasets using saccades"; ``lava.lib.dl.slayer.io.read_2d_spikes`` reads the same).

    Args:
        content: of the file.
        side: pixels of the sensor on a side.
        where: what errors call the file.

    Raises:
        DataError: a file that is cut off, empty, or holds an event outside the sensor.
    """
    if not content or len(content) % EVENT_BYTES:
        raise DataError(
            f"{where}: {len(content)} bytes are not one or more events of {EVENT_BYTES} bytes. Get the file "
            "again; it is damaged or cut off"
        )
    column, row, third, fourth, fifth = np.frombuffer(content, np.uint8).reshape(-1, EVENT_BYTES).T
    overflow = row == OVERFLOW_ROW
    time = ((third & 0x7F).astype(np.int64) << 16) | (fourth.astype(np.int64) << 8) | fifth
    time += OVERFLOW_MICROSECONDS * np.cumsum(overflow)
    outside = np.flatnonzero(~overflow & ((column >= side) | (row >= side)))
    if outside.size:
        first = outside[0]
        raise DataError(
            f"{where}: event {first} is at column {column[first]}, row {row[first]} of a sensor of {side} x "
            f"{side} pixels. Get the file again; it is damaged or not of this data set"
        )
    kept = ~overflow
    return Events(
        column[kept].astype(np.int64),
        row[kept].astype(np.int64),
        (third[kept] >> 7).astype(np.int64),
        time[kept],
    )


def event_frames(events: Events, frames: EventFrames, side: int, duration: int) -> np.ndarray:
    """``(2, side, side, T)`` float32 in [0, 1]: counts per polarity, pixel and bin, cut at the limit.

    Bin b holds the times from ``b * duration / T`` (microseconds) on to the next bin's; events from
    ``duration`` on are left out.
    """
    shape = (POLARITIES, side, side, frames.bins)
    bins = events.time * frames.bins // duration
    inside = bins < frames.bins
    place = (events.polarity, events.row, events.column, bins)
    flat = np.ravel_multi_index(tuple(axis[inside] for axis in place), shape)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    shares: np.ndarray = np.minimum(counts, frames.limit).astype(np.float32) / np.float32(frames.limit)
    return shares
