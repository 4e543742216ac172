"""Put a report's tables between two markers of a Markdown file, so that no figure is typed by hand.

``python -m lavarobust.reporting.embed runs/demo/report.md README.md`` is what ``make models`` calls; with
``--name mnist-defenses`` the markers are that name's, and the report is a sweep's.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

from lavarobust.errors import LavarobustError
from lavarobust.files import atomic_write
from lavarobust.reporting.equal_accuracy import ENERGY, WORK

DEMO = "demo"
SHOWN = ("Accuracy", "Work per image", "Energy per image (nJ)")
"""Titles of the tables of ``lavarobust report`` that a text shows; the others stand on its page."""

SHOWN_OF_SWEEPS: Mapping[str, tuple[str, ...]] = {"hire-energy": (WORK, ENERGY)}
"""The same of sweeps; of one that is not here, a text shows all."""

_FILES = "### Files\n"


class EmbedError(LavarobustError):
    """A report or a text that is not what it should be."""


def markers(name: str) -> tuple[str, str]:
    """What stands before and behind the tables of that name."""
    return f"<!-- {name}:begin -->", f"<!-- {name}:end -->"


def embed(report: str, text: str, name: str = DEMO) -> str:
    """The text with a report's tables between the markers of a name, whatever stood there.

    Args:
        report: content of a ``report.md``, of which the tables of :data:`SHOWN` are taken, or ``sweep.md``,
            of which those of :data:`SHOWN_OF_SWEEPS` are, or all; never its list of files, which are the
            reader's own.
        text: holds each marker once, in their order.

    Raises:
        EmbedError: one of the two is something else.
    """
    begin, end = markers(name)
    title, _, body = report.partition("\n")
    if not title.startswith(("# Report", "# Sweep ")) or "### " not in body:
        raise EmbedError("the report is not one that `lavarobust report` or `lavarobust sweep` wrote")
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise EmbedError(f"the text needs the lines {begin} and {end}, once each and in this order")
    tables = body.split(_FILES)[0].strip()
    wanted = SHOWN if title.startswith("# Report") else SHOWN_OF_SWEEPS.get(name)
    if wanted is not None:
        tables = _shown(tables, wanted)
    return text.split(begin)[0] + f"{begin}\n{tables}\n{end}" + text.split(end)[1]


def _shown(body: str, wanted: tuple[str, ...]) -> str:
    """The tables of those titles, each from its heading to the next; raises EmbedError."""
    parts = [part.strip() for part in re.split(r"^(?=##+ )", body, flags=re.MULTILINE)]
    found = {title: part for part in parts for title in wanted if part.startswith(f"### {title}\n")}
    if missing := [title for title in wanted if title not in found]:
        raise EmbedError(
            f"the report has no table {missing[0]!r}. Report runs, or work off sweeps, that have it"
        )
    return "\n\n".join(found[title] for title in wanted)


def main() -> int:
    """Rewrite the text's file; 1 after an error."""
    parser = argparse.ArgumentParser(description="Copy a report's tables into a Markdown file.")
    parser.add_argument("report", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--name", default=DEMO, help="of the markers [default: demo]")
    arguments = parser.parse_args()
    try:
        report, text = (path.read_text(encoding="utf-8") for path in (arguments.report, arguments.text))
        atomic_write(arguments.text, embed(report, text, arguments.name).encode())
    except (OSError, UnicodeDecodeError, LavarobustError) as error:
        parser.exit(1, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
