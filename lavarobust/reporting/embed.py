"""Put a report's tables between two markers of a Markdown file, so that no figure is typed by hand.

``python -m lavarobust.reporting.embed runs/demo/report.md README.md`` is what ``make models`` calls.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lavarobust.errors import LavarobustError
from lavarobust.files import atomic_write

BEGIN, END = "<!-- demo:begin -->", "<!-- demo:end -->"
_TITLE, _FILES = "# Report\n", "### Files\n"


class EmbedError(LavarobustError):
    """A report or a text that is not what it should be."""


def embed(report: str, text: str) -> str:
    """The text with a report's tables between its markers, whatever stood there.

    Args:
        report: content of a ``report.md``; its list of files, which are the reader's own, is left out.
        text: holds each marker once, in their order.

    Raises:
        EmbedError: one of the two is something else.
    """
    if not report.startswith(_TITLE) or "\n" + _FILES not in report:
        raise EmbedError("the report is not one that `lavarobust report` wrote")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise EmbedError(f"the text needs the lines {BEGIN} and {END}, once each and in this order")
    tables = report[len(_TITLE) :].split(_FILES)[0].strip()
    return text.split(BEGIN)[0] + f"{BEGIN}\n{tables}\n{END}" + text.split(END)[1]


def main() -> int:
    """Rewrite the text's file; 1 after an error."""
    parser = argparse.ArgumentParser(description="Copy a report's tables into a Markdown file.")
    parser.add_argument("report", type=Path)
    parser.add_argument("text", type=Path)
    arguments = parser.parse_args()
    try:
        report, text = (path.read_text(encoding="utf-8") for path in (arguments.report, arguments.text))
        atomic_write(arguments.text, embed(report, text).encode())
    except (OSError, UnicodeDecodeError, LavarobustError) as error:
        parser.exit(1, f"error: {error}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
