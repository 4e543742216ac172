"""Evaluations as tables of plain strings; every column says its unit and what it was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Plain = Mapping[str, Any]
_EQUATIONS = {"hire-eq7": "Eq. 7", "hire-eq8": "Eq. 8"}


@dataclass(frozen=True)
class Table:
    """A table to print.

    Attributes:
        title: what it shows.
        columns: headings.
        rows: cells, as many as columns.
        notes: sentences that belong under it.
        left: so many columns are text, and stand to the left; the others hold figures.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    left: int = 2

    def markdown(self) -> str:
        """The table in Markdown; what a cell holds can't end it."""
        lines = [f"### {escaped(self.title)}", ""]
        lines.append(_row(self.columns))
        lines.append("|" + "---|" * self.left + "---:|" * (len(self.columns) - self.left))
        lines += map(_row, self.rows)
        for note in self.notes:
            lines += ["", escaped(note)]
        return "\n".join(lines)


def escaped(text: str) -> str:
    """Text on one line, with nothing in it that Markdown takes for the end of a cell or for HTML."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(escaped, cells)) + " |"


def accuracy_table(evaluations: Sequence[Plain]) -> Table:
    """Accuracy of every stage of the road, clean and attacked.

    Args:
        evaluations: as ``Evaluation.as_dict`` gives them.
    """
    rows = [
        (
            evaluation["name"],
            condition["name"],
            percent(condition["float_accuracy"]),
            percent(condition["slayer_accuracy"]),
            percent(condition["simulator_accuracy"]),
            percent(condition["lava_accuracy"]),
            f"{condition['slayer_differences']} / {condition['lava_differences']}",
        )
        for evaluation in evaluations
        for condition in evaluation["conditions"]
    ]
    settings = [
        f"{evaluation['name']}: {evaluation['samples']} images of {evaluation['data']}; attacks are "
        f"white-box on the executed integers ({_surrogate(evaluation['backward'])} surrogate), and the "
        "float network sees the same images."
        for evaluation in evaluations
    ]
    meaning = "differ: images on which SLAYER's / Lava's scores are not the simulator's, in any class."
    return Table(
        "Accuracy",
        (
            "model",
            "images",
            "float",
            "SLAYER",
            "simulator",
            "Lava",
            "differ",
        ),
        tuple(rows),
        (meaning, *settings),
    )


def work_table(evaluations: Sequence[Plain]) -> Table:
    """Spikes and synaptic operations per image, from the executed integers."""
    rows = [
        (
            evaluation["name"],
            condition["name"],
            str(evaluation["steps"]),
            *(f"{condition[count]:,.0f}" for count in ("spikes", "accumulates", "multiply_accumulates")),
        )
        for evaluation in evaluations
        for condition in evaluation["conditions"]
    ]
    backends = ", ".join(sorted({evaluation["counted_on"] for evaluation in evaluations}))
    return Table(
        "Work per image",
        ("model", "images", "T", "spikes", "AC", "MAC"),
        tuple(rows),
        (
            f"Counted on {backends}: every event times its true fan-out, zero weights and zero pixels free. "
            "AC: synaptic operation of a spike; MAC: of an analog pixel.",
        ),
    )


def energy_table(evaluations: Sequence[Plain]) -> Table:
    """Energy per image in nJ by each price table: executed counts, HIRE-SNN's equation, the same ANN."""
    rows = []
    for evaluation in evaluations:
        names = (evaluation["conditions"][0]["name"], evaluation["conditions"][-1]["name"])
        for name, bills in zip(names, (evaluation["bills"], evaluation["attack_bills"]), strict=True):
            for profile in dict.fromkeys(bill["profile"] for bill in bills):
                by_rule = {bill["rule"]: bill for bill in bills if bill["profile"] == profile}
                papers = [
                    f"{nanojoule(bill['total_pj']['mean'])} ({_EQUATIONS[rule]})"
                    for rule, bill in by_rule.items()
                    if rule in _EQUATIONS
                ]
                executed = by_rule["executed"]
                rows.append(
                    (
                        evaluation["name"],
                        name,
                        profile,
                        nanojoule(executed["total_pj"]["mean"]),
                        ", ".join(papers) or "does not apply",
                        nanojoule(executed["ann"]["energy_pj"]),
                    )
                )
    unpriced = sorted({item["term"] for e in evaluations for bill in e["bills"] for item in bill["unpriced"]})
    return Table(
        "Energy per image (nJ)",
        ("model", "images", "price table", "executed", "HIRE-SNN", "same ANN"),
        tuple(rows),
        (
            "Counted and priced, not measured. Without a price in these tables, and so in no figure: "
            f"{', '.join(unpriced)}.",
        ),
    )


def percent(share: float) -> str:
    """A share, 0..1, in percent."""
    return f"{100 * share:.1f} %"


def nanojoule(picojoule: float | None) -> str:
    """An energy in pJ as one in nJ, without its unit; None is one without a price."""
    return "no price" if picojoule is None else f"{picojoule / 1000:,.1f}"


def _surrogate(surrogate: Plain) -> str:
    return f"{surrogate['name']}, width {surrogate['width']:g}"
