"""The line of a key, however TOML writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.energy.toml_lines import line_of

TEXT = '''# a comment with [a.header] and key = 1
title = "x"
notes = """
[prices.spike]
value = 3
"""
inline = { a = 1, b = [
  2,
  3,
] }

[prices.accumulate] # [prices.relay]
value = 1
"unit" = "pJ"
source.paper = "y"

[[memory]]
value = 1
[[memory]]

value = 2
'''


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ((), 1),
        (("title",), 2),
        (("notes",), 3),
        (("inline", "b", 1), 7),
        (("prices",), 12),
        (("prices", "accumulate"), 12),
        (("prices", "accumulate", "value"), 13),
        (("prices", "accumulate", "unit"), 14),
        (("prices", "accumulate", "source", "paper"), 15),
        (("memory", 0, "value"), 18),
        (("memory", 1), 19),
        (("memory", 1, "value"), 21),
        # what isn't there: the table around it
        (("prices", "accumulate", "scope"), 12),
        (("prices", "spike", "value"), 12),
        (("memory", 2), 17),
        (("nothing",), 1),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines(place: tuple[str | int, ...], line: int, ending: str) -> None:
    assert line_of(TEXT.replace("\n", ending), place) == line


PIECES = st.sampled_from(
    ["", "# value = 1", "a{} = 1", 'b{} = """\n[c]\nx = 1\n"""', "c{} = [\n  1,\n]", "[t{}]"]
)


@given(st.lists(PIECES, min_size=1, max_size=12))
def test_any_mix_of_statements(pieces: list[str]) -> None:
    """Every statement has a name of its own; its line is where it was put."""
    table: list[str] = []
    places, text = [], ""
    for number, piece in enumerate(pieces):
        if piece.startswith("[t"):
            table = [f"t{number}"]
            places.append((tuple(table), text.count("\n") + 1))
        elif "{}" in piece:
            places.append(((*table, f"{piece[0]}{number}"), text.count("\n") + 1))
        text += piece.format(number) + "\n"
    for place, line in places:
        assert line_of(text, place) == line
