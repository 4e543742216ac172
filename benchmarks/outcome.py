"""What a benchmark found: figures beside their bars, as a table and as values for a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from benchmarks.measure import Timing, table


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        name: what was measured.
        value: in ``unit``.
        unit: e.g. ``"x"`` or ``"%"``.
        bar: what has to be reached; None where the value is only printed.
        at_most: the bar is an upper limit.
    """

    name: str
    value: float
    unit: str = "x"
    bar: float | None = None
    at_most: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the bar is reached; None without one."""
        if self.bar is None:
            return None
        return self.value <= self.bar if self.at_most else self.value >= self.bar


@dataclass(frozen=True)
class Outcome:
    """All that a benchmark found.

    Attributes:
        title: names it.
        figures: in the order to print.
        timings: by name.
        notes: what a reader must know, a line each.
        failures: what must not be, e.g. spikes that differ; any makes the run fail.
        skipped: what did not run, with its reason.
    """

    title: str
    figures: tuple[Figure, ...] = ()
    timings: dict[str, Timing] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def together(title: str, parts: Sequence[Outcome], notes: Sequence[str] = ()) -> Outcome:
    """One outcome of several."""
    whole = Outcome(title, notes=tuple(notes))
    for part in parts:
        whole = replace(
            whole,
            figures=whole.figures + part.figures,
            timings=whole.timings | part.timings,
            notes=whole.notes + part.notes,
            failures=whole.failures + part.failures,
            skipped=whole.skipped + part.skipped,
        )
    return whole


def render(outcome: Outcome) -> str:
    """A table of all figures, and the lines that go with it."""
    rows = [[figure.name, *_cells(figure)] for figure in outcome.figures]
    text = table(outcome.title, ["figure", "measured", "bar", ""], rows) if rows else outcome.title
    lines = [
        *(f"  {note}" for note in outcome.notes),
        *(f"  skipped: {line}" for line in outcome.skipped),
        *(f"  WRONG: {line}" for line in outcome.failures),
    ]
    return "\n".join([text, *lines])


def values(outcome: Outcome) -> dict[str, object]:
    """The same for a JSON file; timings apart."""
    return {
        "figures": [asdict(figure) | {"met": figure.met} for figure in outcome.figures],
        "notes": outcome.notes,
        "failures": outcome.failures,
        "skipped": outcome.skipped,
    }


def _cells(figure: Figure) -> tuple[str, str, str]:
    bound = "" if figure.bar is None else f"{'<=' if figure.at_most else '>='} {figure.bar:,g} {figure.unit}"
    verdict = {True: "met", False: "NOT MET", None: "printed"}[figure.met]
    return f"{_number(figure.value)} {figure.unit}", bound, verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
