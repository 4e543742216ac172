"""A page as Markdown: every table and sentence of it; figures by their captions."""

from __future__ import annotations

from lavarobust.reporting.page.document import Block, Commands, Figure, Page, Text
from lavarobust.reporting.tables import Table, escaped

FILES = "### Files\n"


def markdown(page: Page) -> str:
    """The page, its sections as headings of the second level and its tables as those of the third."""
    parts = [f"# Report: {escaped(page.title)}", escaped(page.lead), key_table(page).markdown()]
    for section in page.sections:
        parts.append(f"## {section.title}")
        parts += map(_written, section.blocks)
    return "\n\n".join(parts) + "\n"


def key_table(page: Page) -> Table:
    """The line on top as a table, a row per model and figure."""
    rows = [
        (name, figure.label, figure.value, figure.basis)
        for name, figures in zip(page.names, page.key_figures, strict=True)
        for figure in figures
    ]
    return Table("Key figures", ("model", "figure", "value", "basis"), tuple(rows), left=4)


def _written(block: Block) -> str:
    if isinstance(block, Table):
        return block.markdown()
    if isinstance(block, Text):
        return escaped(block.text)
    if isinstance(block, Figure):
        return f"*Figure (in report.html): {escaped(block.caption)}*"
    assert isinstance(block, Commands)
    # a fence longer than any run of backticks inside
    fence = "`" * max(3, *(_longest(line) + 1 for line in block.lines))
    return "\n".join([f"### {escaped(block.title)}", "", fence, *block.lines, fence])


def _longest(line: str) -> int:
    runs = "".join(letter if letter == "`" else " " for letter in line).split()
    return max(map(len, runs), default=0)
