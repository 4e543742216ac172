"""Networks at equal clean accuracy as tables and as a picture, beside what HIRE-SNN's paper reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lavarobust.experiment.sweep.equal_accuracy import TABLES, Counted, Energy, EqualAccuracy, Kind, Method
from lavarobust.experiment.sweep.file import Axis
from lavarobust.experiment.sweep.gather import SweepRow
from lavarobust.reporting.png import png
from lavarobust.reporting.spreads import count, nanojoule, percent, ratio
from lavarobust.reporting.sweep_plot import ACCURACY, draw_curves
from lavarobust.reporting.tables import Table

PUBLISHED: Mapping[tuple[str, Kind], float] = {
    ("horowitz_45nm_fp32", "rate-coded"): 4.6,
    ("horowitz_45nm_fp32", "ANN"): 10,
    ("horowitz_45nm_int32", "rate-coded"): 3.9,
    ("horowitz_45nm_int32", "ANN"): 53,
}
"""Energies as multiples of HIRE-SNN's, by price table (Kundu, Pedram & Beerel, ICCV 2021, VGG11)."""

WORK, ENERGY = "At equal clean accuracy", "Energy at equal clean accuracy (nJ per image)"
TARGET = (
    "The target, {target:.1f} %, is the smallest of the rows' best mean accuracies over T. T: the smallest "
    "of the sweep whose mean over the seeds reaches it; nothing is interpolated. All on clean images."
)
ANN = (
    "ANN: the analog network that {reference} started from, in floating point on images rounded as the "
    "encoder does; its operations are one dense pass, zeros and padding included. It has no T to choose."
)
DONE = "AC and MAC as executed on the deployed integers, zero weights and zero pixels free."
COUNTED = (
    "Eq. 8: the first layer once as MACs, all others as ACs by their input's spikes times a mean fan-out; "
    "Eq. 7: all layers as ACs. Executed: every operation counted, the first layer's MACs of non-zero pixels. "
    "Prices: HIRE-SNN's Table 7 ({tables}); neuron updates and memory are in no figure here. Times: multiple "
    "of {reference}'s by the same count, seed by seed."
)
PAPER = (
    "Paper: that multiple as HIRE-SNN's authors report it of VGG11, by their equations, with other data, "
    "another network and another rate-coded training."
)
WAITING = "Made when every unit of the sweep is done."

_EQUATION: Mapping[Kind, str] = {"direct": "Eq. 8", "rate-coded": "Eq. 7", "ANN": "dense pass"}
_SHORT: Mapping[str, str] = dict(zip(TABLES, ("FP32", "INT32"), strict=True))
_NOTHING = "-"


def equal_accuracy_tables(found: EqualAccuracy | None) -> tuple[Table, ...]:
    """What each method needs in steps and operations, then in energy; of None, that units are missing."""
    if found is None:
        return (Table(WORK, ("row", "input"), (), (WAITING,)),)
    return _work_table(found), _energy_table(found)


def _work_table(found: EqualAccuracy) -> Table:
    rows = [
        (
            method.name,
            method.kind,
            _NOTHING if method.steps is None else str(method.steps),
            percent(method.accuracy) + ("" if method.reached else " (not reached)"),
            count(method.accumulates),
            count(method.multiply_accumulates),
        )
        for method in found.methods
    ]
    notes = (TARGET.format(target=100 * found.target), ANN.format(reference=found.reference), DONE)
    return Table(WORK, ("row", "input", "T", "accuracy (%)", "AC", "MAC"), tuple(rows), notes)


def _energy_table(found: EqualAccuracy) -> Table:
    columns = [(f"{short}", f"{short}, times", f"{short}, paper") for short in _SHORT.values()]
    rows = [
        (method.name, _counted(method, counted), *_cells(method, counted))
        for method in found.methods
        for counted in _counts(method)
    ]
    heading = ("row", "counted", *(name for three in columns for name in three))
    return Table(
        ENERGY,
        heading,
        tuple(rows),
        (COUNTED.format(reference=found.reference, tables=", ".join(TABLES)), PAPER),
    )


def _counts(method: Method) -> tuple[Counted, ...]:
    """Those to show; the ANN's are the same operations, and multiples of two different figures."""
    return tuple(dict.fromkeys(energy.counted for energy in method.energies))


def _counted(method: Method, counted: Counted) -> str:
    if method.kind != "ANN":
        return _EQUATION[method.kind] if counted == "equation" else counted
    return f"{_EQUATION['ANN']}, beside {'equations' if counted == 'equation' else counted}"


def _cells(method: Method, counted: Counted) -> tuple[str, ...]:
    cells: list[str] = []
    for table in TABLES:
        energy = _energy(method, table, counted)
        paper = PUBLISHED.get((table, method.kind)) if counted == "equation" else None
        cells += (
            nanojoule(energy.picojoule),
            ratio(energy.times),
            _NOTHING if paper is None else f"{paper:g}",
        )
    return tuple(cells)


def _energy(method: Method, table: str, counted: Counted) -> Energy:
    [energy] = [each for each in method.energies if (each.table, each.counted) == (table, counted)]
    return energy


def equal_accuracy_plot(found: EqualAccuracy | None, rows: Sequence[SweepRow], axis: Axis) -> bytes:
    """A PNG of clean accuracy over T with the target, and of the energies where the rows reach it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.8, 4.8), layout="constrained")
    curves, bars = figure.subplots(1, 2)
    draw_curves(curves, rows, axis, ["accuracy"])
    curves.set_ylabel(ACCURACY)
    if found is not None:
        curves.axhline(100 * found.target, color="0.6", linewidth=1)
        ways = [(table, counted) for table in TABLES for counted in _counts(found.methods[0])]
        for place, (table, counted) in enumerate(ways):
            spent = [_energy(method, table, counted).picojoule for method in found.methods]
            bars.bar(
                [number + (place - 1.5) / 5 for number in range(len(spent))],
                [each.mean / 1000 for each in spent],
                1 / 5,
                yerr=[(each.std or 0.0) / 1000 for each in spent],
                capsize=2,
                color=f"C{place}",
                label=f"{_SHORT[table]}, {'equations' if counted == 'equation' else counted}",
            )
        bars.set_yscale("log")
        bars.set_xticks(range(len(found.methods)), [_tick(method) for method in found.methods])
        bars.set_ylabel("energy per clean image (nJ)")
        bars.legend(fontsize="x-small")
    return png(figure)


def _tick(method: Method) -> str:
    return method.name if method.steps is None else f"{method.name}, T = {method.steps}"
