"""A sweep's rows as tables for people, and as one table for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace

from lavarobust.experiment.sweep.claims import claims
from lavarobust.experiment.sweep.compare import Comparison, compare
from lavarobust.experiment.sweep.gather import SeedSpread, SweepRow
from lavarobust.reporting.spreads import count, percent, points, ratio
from lavarobust.reporting.suite_tables import claim_table, suite_table
from lavarobust.reporting.tables import Table

SPREAD = (
    "Here and below: mean ± sample standard deviation (divisor n - 1) over the seeds; one seed has no spread."
)
ACCURACY = (
    "Shares of the test images that are right: float on the network before rounding, all others on the "
    "deployed integers. Train: share of the training images, as the objective saw them, over the selected "
    "epoch. An image that is wrong without attack is wrong under attack. Worst: right without attack and "
    "under every attack on pixels at that epsilon."
)
SUCCESS = (
    "Share of the images right without attack that are wrong with it. Zero gradients: share of all gradients "
    "that were zero in every pixel; where it is high the attacks may have failed."
)
UPPER_BOUND = (
    "Attacks are white-box on the executed integers, with gradients of one surrogate: accuracy under them "
    "is an upper bound on robustness until stronger, adaptive attacks have run."
)
WORK = (
    "Counted on the simulator, per clean image: every event times its true fan-out, zero weights and zero "
    "pixels free. AC: synaptic operation of a spike; MAC: of an analog pixel."
)
DIFFER = (
    "differ: images, clean and attacked, on which SLAYER's / Lava's scores are not the simulator's in any "
    "class, of those compared."
)
VERDICT = (
    "Differences of shares in points, seed by seed; spikes as a ratio. More robust: holds where accuracy "
    "under the worst of the attacks is higher in every seed and at every epsilon, fails where at some "
    "epsilon it is not higher on average, unclear between."
)
_NOTHING = "-"


def sweep_tables(rows: Sequence[SweepRow], against: str | None = None) -> tuple[Table, ...]:
    """Accuracy, attack success rate, and work with what agrees; every row with the same columns.

    Args:
        against: a row that all others are compared with in a table of their own; None for no such table.
    """
    compared = () if against is None else (comparison_table(compare(rows, against), against),)
    suite = (suite_table(rows),) if any(row.suite for row in rows) else ()
    fates = (claim_table(claims(rows, against), against),) if suite and against is not None else ()
    return (*_measured_tables(rows), *compared, *suite, *fates)


def _measured_tables(rows: Sequence[SweepRow]) -> tuple[Table, ...]:
    attacks = list(dict.fromkeys(attack for row in rows for attack in row.attacks))
    epsilons = list(dict.fromkeys(epsilon for row in rows for epsilon in row.epsilons))
    accuracy = {
        "train": "train accuracy",
        "float": "float accuracy",
        "deployed": "accuracy",
        **{attack: f"accuracy, {attack}" for attack in attacks},
        **{f"worst at {epsilon:g}": f"worst, {epsilon:g}" for epsilon in epsilons},
    }
    success = {attack: f"success, {attack}" for attack in attacks}
    work = {"spikes": "spikes", "AC": "accumulates", "MAC": "multiply_accumulates"}
    zeros = [f"{100 * row.zero_gradient_share:.1f}" for row in rows]
    differ = [
        f"{row.slayer_differences} of {row.slayer_images:,} / {row.lava_differences} of {row.lava_images:,}"
        for row in rows
    ]
    work_done = _table("Work per image", rows, work, count, (WORK, DIFFER))
    openings = [row.figures.get("gate opening") for row in rows]
    if any(openings):
        said = [_NOTHING if opening is None else percent(opening) for opening in openings]
        work_done = _wider(work_done, "gates open (%)", said)
    notes = (ACCURACY, UPPER_BOUND, _about(rows), SPREAD)
    return (
        _table("Accuracy (%)", rows, accuracy, percent, notes),
        _wider(
            _table("Attack success rate (%)", rows, success, percent, (SUCCESS,)),
            "zero gradients",
            zeros,
        ),
        _wider(work_done, "differ", differ),
    )


def comparison_table(comparisons: Sequence[Comparison], against: str) -> Table:
    """What every row gains on one of them, and what becomes of the claim to be more robust."""
    epsilons = list(dict.fromkeys(epsilon for each in comparisons for epsilon in each.robust))
    rows = [
        (
            each.row,
            str(len(each.seeds)),
            points(each.clean),
            *(points(each.robust[epsilon]) if epsilon in each.robust else _NOTHING for epsilon in epsilons),
            ratio(each.spikes),
            each.verdict,
        )
        for each in comparisons
    ]
    columns = ("row", "seeds", "clean", *(f"worst at {epsilon:g}" for epsilon in epsilons))
    return Table(f"Against {against}", (*columns, "spikes", "more robust"), tuple(rows), (VERDICT,))


def sweep_csv(rows: Sequence[SweepRow]) -> str:
    """One line per row; four columns per figure: mean, std, min and max over the seeds."""
    figures = list(dict.fromkeys(key for row in rows for key in row.figures))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    counts = ("slayer_differences", "slayer_images", "lava_differences", "lava_images", "zero_gradient_share")
    ways = ("mean", "std", "min", "max")
    writer.writerow(
        ["row", "seeds", "missing", "images"]
        + [f"{key} ({way})" for key in figures for way in ways]
        + list(counts)
    )
    for row in rows:
        cells: list[object] = [row.name, len(row.seeds), len(row.missing), row.images]
        for key in figures:
            figure = row.figures.get(key)
            values = (None,) * len(ways)
            cells += values if figure is None else (figure.mean, figure.std, figure.low, figure.high)
        writer.writerow(cells + [getattr(row, name) for name in counts])
    return stream.getvalue()


def _table(
    title: str,
    rows: Sequence[SweepRow],
    columns: dict[str, str],
    show: Callable[[SeedSpread], str],
    notes: tuple[str, ...],
) -> Table:
    return Table(
        title,
        ("row", "seeds", *columns),
        tuple(
            (
                row.name,
                _seeds(row),
                *(show(row.figures[key]) if key in row.figures else _NOTHING for key in columns.values()),
            )
            for row in rows
        ),
        tuple(note for note in notes if note),
    )


def _wider(table: Table, column: str, cells: Sequence[str]) -> Table:
    rows = tuple((*row, cell) for row, cell in zip(table.rows, cells, strict=True))
    return replace(table, columns=(*table.columns, column), rows=rows)


def _about(rows: Sequence[SweepRow]) -> str:
    sizes = sorted({row.images for row in rows if row.seeds})
    return "Test images per seed: " + ", ".join(f"{size:,}" for size in sizes) + "." if sizes else ""


def _seeds(row: SweepRow) -> str:
    every = len(row.seeds) + len(row.missing)
    return f"{every}" if not row.missing else f"{len(row.seeds)} of {every}"
