"""What a page is made of, before it is written as HTML, Markdown or JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lavarobust.reporting.tables import Table

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Text:
    """Sentences.

    Attributes:
        text: one paragraph.
        kind: ``plain``, ``note`` (what there are no data for) or ``warning`` (what speaks against a figure).
    """

    text: str
    kind: Literal["plain", "note", "warning"] = "plain"


@dataclass(frozen=True)
class Commands:
    """Command lines to copy.

    Attributes:
        title: what they do.
        lines: one command each.
    """

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Figure:
    """A drawn figure.

    Attributes:
        svg: an ``<svg>`` element, whose identifiers no other figure of the page has.
        caption: what it shows, of which images, how many, executed on what.
        alt: what can be seen in it, for those who can't.
    """

    svg: str
    caption: str
    alt: str


Block = Table | Text | Commands | Figure


@dataclass(frozen=True)
class Section:
    """One part of the page.

    Attributes:
        name: its anchor, and its key in the JSON.
        title: heading.
        blocks: what is shown, in order.
        data: the same as plain numbers and strings, ready for JSON.
    """

    name: str
    title: str
    blocks: tuple[Block, ...]
    data: Any = field(default_factory=dict)


@dataclass(frozen=True)
class KeyFigure:
    """One figure of the line on top.

    Attributes:
        label: what it is.
        value: with its unit.
        basis: interval, evidence or images it rests on.
        warning: whether something speaks against it.
    """

    label: str
    value: str
    basis: str
    warning: bool = False


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        title: the models' names.
        lead: one sentence that says what was executed on what.
        names: of the models, in the order of the columns.
        key_figures: per model, the same labels in the same order.
        sections: in the order in which they are read.
    """

    title: str
    lead: str
    names: tuple[str, ...]
    key_figures: tuple[tuple[KeyFigure, ...], ...]
    sections: tuple[Section, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        key = [
            {figure.label: {"value": figure.value, "basis": figure.basis} for figure in figures}
            for figures in self.key_figures
        ]
        return {
            "models": list(self.names),
            "key_figures": key,
            **{section.name: section.data for section in self.sections},
        }


def printable(text: object) -> str:
    """Text from a file with what can't be shown (control characters, lone surrogates) replaced by ``?``."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text))
