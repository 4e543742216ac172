"""Tiny recordings in N-MNIST's formats."""

from __future__ import annotations

import zipfile
from pathlib import Path

Event = tuple[int, int, int, int]


def event_bytes(*events: Event) -> bytes:
    """Of events (column, row, polarity, microseconds)."""
    return b"".join(
        bytes((column, row, polarity << 7 | time >> 16, time >> 8 & 0xFF, time & 0xFF))
        for column, row, polarity, time in events
    )


def recording(number: int) -> bytes:
    """One event on, at column ``number``, row 2, in the second of three bins of 100 ms."""
    return event_bytes((number % 34, 2, 1, 150_000))


def standard() -> dict[str, bytes]:
    """Recordings 1..12 for training and 1..4 for the test, of digit number mod 10."""
    sizes = (("Train", 12), ("Test", 4))
    return {
        f"{part}/{number % 10}/{number:05}.bin": recording(number)
        for part, count in sizes
        for number in range(1, count + 1)
    }


def slayer() -> dict[str, bytes]:
    lists = {
        "train3.txt": b"#sample #class\r\n1\t7\r\n2\t0\r\n10\t3\r\n",
        "test1.txt": b"#sample #class\r\n60001\t9\r\n",
    }
    return {f"{number}.bs2": recording(number) for number in (1, 2, 10, 60_001)} | lists


def lay_out(place: Path, files: dict[str, bytes]) -> Path:
    """In a zip file where the place is named so, else in a folder."""
    if place.suffix == ".zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return place
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)
    return place
