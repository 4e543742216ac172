"""A page as one HTML file that needs nothing else: templates, styles and figures in it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from lavarobust.reporting.page.document import Commands, Figure, Page, Text
from lavarobust.reporting.tables import Table

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

_SHORT, _LONG, _SENTENCES, _LONGEST_WORD = 26, 36, 100, 40
"""Letters of a cell or word."""

_KINDS = {Table: "table", Text: "text", Commands: "commands", Figure: "figure"}


def html(page: Page) -> str:
    """The page; whatever its text holds is shown as text."""
    from markupsafe import Markup

    template = _environment().get_template("page.html")
    style = (resources.files(__package__) / "templates" / "page.css").read_text(encoding="utf-8")
    helpers = {"kind": _kind, "classes": _classes, "shown": _shown, "drawn": Markup}
    return template.render(page=page, style=Markup(style), **helpers) + "\n"


def _shown(table: Table, page: Page) -> Table:
    """The table; of a page of one model without its column of models."""
    if len(page.names) > 1 or table.columns[0] != "model":
        return table
    rows = tuple(row[1:] for row in table.rows)
    return replace(table, columns=table.columns[1:], rows=rows, left=table.left - 1)


def _classes(text: str, numeric: bool) -> Markup:
    """How a cell may break: figures and few words not at all, sentences anywhere but in a narrow column."""
    from markupsafe import Markup

    chosen = ["n"] if numeric else []
    if any(len(word) > _LONGEST_WORD for word in text.split()):
        chosen.append("unbroken")
    if len(text) > _SENTENCES:
        chosen.append("sentences")
    elif len(text) > _LONG:
        chosen.append("long")
    elif len(text) <= _SHORT:
        chosen.append("short")
    return Markup(f' class="{" ".join(chosen)}"' if chosen else "")


def _kind(block: object) -> str:
    return _KINDS[type(block)]  # type: ignore[index]


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__ or ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
