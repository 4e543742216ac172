"""Where in a TOML text a key stands: the parser itself doesn't say."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found]


def line_of(text: str, place: Sequence[str | int]) -> int:
    """Number from 1 of the line where the value at a place begins, or the nearest table around it.

    The more statements of a text are read, the more it holds: the value belongs to the last one of the fewest
    that hold it.

    Args:
        text: valid TOML.
        place: keys and list indices from the root, e.g. ``("memory", 0, "unit")``.
    """
    lines = [f"{line}\n" for line in text.split("\n")]
    known = place[: _depth(tomllib.loads(text), place)]
    if not known:
        return 1
    begins = _statements(lines)
    first, last = 0, len(begins) - 1
    while first < last:
        middle = (first + last) // 2
        read = tomllib.loads("".join(lines[: begins[middle + 1]]))
        if _depth(read, known) == len(known):
            last = middle
        else:
            first = middle + 1
    return begins[first] + 1


def _statements(lines: list[str]) -> list[int]:
    """Where each statement of valid TOML begins: at a line that, with those behind it, parses by itself."""
    begins, begin = [], 0
    for end in range(1, len(lines) + 1):
        if _parses("".join(lines[begin:end])):
            begins.append(begin)
            begin = end
    return begins


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _depth(content: Any, place: Sequence[str | int]) -> int:
    """How many steps of the place exist."""
    for depth, step in enumerate(place):
        try:
            content = content[step]
        except (TypeError, KeyError, IndexError):
            return depth
    return len(place)
