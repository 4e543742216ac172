"""Attacks on the device model as tables: the second execution, both directions of transfer, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lavarobust.reporting.tables import Plain, Table, nanojoule, percent


def audit_table(audits: Sequence[Plain]) -> Table:
    """Images of suites executed on another backend, per attack that decided them.

    Args:
        audits: as ``Audit.as_dict`` gives them.
    """
    rows = [
        (Path(audit["model"]).name, row["attack"], *(str(row[key]) for key in ("images", "wrong", *_DIFFER)))
        for audit in audits
        for row in audit["rows"]
    ]
    said = [
        f"{Path(audit['model']).name}: {audit['images']} of {audit['found']} images executed on "
        f"{audit['backend']}, {audit['differences']} differences from the simulator."
        for audit in audits
    ]
    return Table(
        "Audit",
        ("model", "decided by", "images", "wrong", "other class", "other scores", "other counts"),
        tuple(rows),
        ("other: images on which it is not the simulator's.", *said),
    )


_DIFFER = ("predictions", "scores", "counts")


def gap_table(gaps: Sequence[Plain]) -> Table:
    """Accuracy of the same attacked images at every stage, crafted on either side.

    Args:
        gaps: as ``Gap.as_dict`` gives them.
    """
    rows = [
        (
            gap["name"],
            row["images"],
            row["crafted_on"] or "nowhere",
            *(percent(row[f"{stage}_accuracy"]) for stage in ("float", "slayer", "executed")),
            _transferred(row),
            str(row["slayer_differences"]),
        )
        for gap in gaps
        for row in gap["rows"]
    ]
    said = [
        f"{gap['name']}: {gap['samples']} images, {gap['threat']}, executed on {gap['backend']}."
        for gap in gaps
    ]
    return Table(
        "Float, SLAYER and executed",
        ("model", "images", "crafted on", "float", "SLAYER", "executed", "transferred", "differ"),
        tuple(rows),
        (
            "transferred: of the samples that fell where the images were crafted, those that fall on the "
            "other side too. differ: images on which SLAYER's scores are not the executed ones.",
            *said,
        ),
    )


def cost_table(costs: Sequence[Plain]) -> Table:
    """Spikes, operations and energy per image, clean and attacked.

    Args:
        costs: as ``AttackCost.as_dict`` gives them.
    """
    profiles = tuple(dict.fromkeys(name for cost in costs for name in cost["rows"][0]["energy_pj"]))
    rows = [
        (
            Path(cost["model"]).name,
            row["images"],
            percent(row["accuracy"]),
            *(_times(row, count, f"{row[count]:,.0f}") for count in _COUNTS),
            *(_times(row, name, nanojoule(row["energy_pj"].get(name))) for name in profiles),
        )
        for cost in costs
        for row in cost["rows"]
    ]
    said = [
        f"{Path(cost['model']).name}: {cost['samples']} images, {cost['threat']}, counted on "
        f"{cost['backend']}."
        for cost in costs
    ]
    return Table(
        "Cost of attacked images, per image",
        ("model", "images", "accuracy", "spikes", "AC", "MAC", *(f"nJ, {name}" for name in profiles)),
        tuple(rows),
        ("In brackets the multiple of the clean images'. Counted and priced, not measured.", *said),
    )


_COUNTS = ("spikes", "accumulates", "multiply_accumulates")


def _transferred(row: Plain) -> str:
    if not row["crafted_on"]:
        return "not attacked"
    return "none fell" if row["transferred"] is None else percent(row["transferred"])


def _times(row: Plain, figure: str, text: str) -> str:
    """A figure with its multiple of the clean images' in brackets, where there is one."""
    times = row["times_clean"].get(figure)
    return text if times is None else f"{text} ({times:.2f})"
