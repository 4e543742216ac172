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

    A text cut at the end of a line parses only where no value is cut in two, and the more lines it has
    the more it holds. So the value ends the shortest piece that parses and holds it, and begins behind the
    next shorter one.

    Args:
        text: valid TOML.
        place: keys and list indices from the root, e.g. ``("memory", 0, "unit")``.
    """
    lines = [f"{line}\n" for line in text.split("\n")]
    known = place[: _depth(tomllib.loads(text), place)]
    first, last = 1, len(lines)
    while first < last:
        middle = (first + last) // 2
        end, content = _first_that_parses(lines, middle)
        if _depth(content, known) == len(known):
            last = middle
        else:
            first = end + 1
    return first


def _depth(content: Any, place: Sequence[str | int]) -> int:
    """How many steps of the place exist."""
    for depth, step in enumerate(place):
        try:
            content = content[step]
        except (TypeError, KeyError, IndexError):
            return depth
    return len(place)


def _first_that_parses(lines: list[str], count: int) -> tuple[int, dict[str, Any]]:
    """The shortest piece of at least ``count`` lines that parses: its length and content."""
    while True:
        try:
            return count, tomllib.loads("".join(lines[:count]))
        except tomllib.TOMLDecodeError:
            if count == len(lines):
                raise
            count += 1
