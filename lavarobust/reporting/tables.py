"""Evaluations as tables of plain strings; every column says its unit and what it was measured on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Plain = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table to print.

    Attributes:
        title: what it shows.
        columns: headings.
        rows: cells, as many as columns.
        notes: sentences that belong under it.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def markdown(self) -> str:
        """The table in Markdown."""
        lines = [f"### {self.title}", ""]
        lines.append("| " + " | ".join(self.columns) + " |")
        lines.append("|" + "---|" * len(self.columns))
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        lines += ["", *self.notes] if self.notes else []
        return "\n".join(lines)


def accuracy_table(evaluations: Sequence[Plain]) -> Table:
    """Accuracy of every stage of the road, clean and attacked.

    Args:
        evaluations: as ``Evaluation.as_dict`` gives them.
    """
    rows = [
        (
            evaluation["name"],
            condition["name"],
            _percent(condition["float_accuracy"]),
            _percent(condition["slayer_accuracy"]),
            _percent(condition["simulator_accuracy"]),
            _percent(condition["lava_accuracy"]),
            f"{condition['slayer_differences']} / {condition['lava_differences']}",
        )
        for evaluation in evaluations
        for condition in evaluation["conditions"]
    ]
    notes = tuple(
        f"{evaluation['name']}: {evaluation['samples']} images of {evaluation['data']}; attacks are "
        f"white-box on the executed integers ({_surrogate(evaluation['backward'])} surrogate), and the "
        "float network sees the same images."
        for evaluation in evaluations
    )
    return Table(
        "Accuracy",
        (
            "model",
            "images",
            "float",
            "SLAYER quantised",
            "simulator",
            "Lava",
            "images that differ: SLAYER / Lava",
        ),
        tuple(rows),
        notes,
    )


def work_table(evaluations: Sequence[Plain]) -> Table:
    """Spikes, synaptic operations and energy per image, from the executed integers."""
    rows = []
    for evaluation in evaluations:
        conditions = evaluation["conditions"]
        for condition, bills in (
            (conditions[0], evaluation["bills"]),
            (conditions[-1], evaluation["attack_bills"]),
        ):
            rows += [
                (
                    evaluation["name"],
                    condition["name"],
                    str(evaluation["steps"]),
                    f"{condition['spikes']:,.0f}",
                    f"{condition['accumulates']:,.0f} / {condition['multiply_accumulates']:,.0f}",
                    bill["profile"],
                    bill["rule"],
                    _nanojoule(bill["total_pj"]["mean"]),
                    _nanojoule(bill["ann"]["energy_pj"]),
                )
                for bill in bills
            ]
    backends = sorted({evaluation["counted_on"] for evaluation in evaluations})
    unpriced = sorted({item["term"] for e in evaluations for bill in e["bills"] for item in bill["unpriced"]})
    return Table(
        "Work and energy per image",
        ("model", "images", "T", "spikes", "AC / MAC", "price table", "rule", "energy (nJ)", "same ANN (nJ)"),
        tuple(rows),
        (
            f"Counted on {', '.join(backends)}; priced, not measured. Not in the energy, having no price "
            f"in these tables: {', '.join(unpriced)}.",
        ),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _nanojoule(picojoule: float | None) -> str:
    return "no price" if picojoule is None else f"{picojoule / 1000:,.1f}"


def _surrogate(surrogate: Plain) -> str:
    return f"{surrogate['name']}, width {surrogate['width']:g}"
