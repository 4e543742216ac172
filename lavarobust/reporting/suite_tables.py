"""What a suite of attacks left of a sweep's rows, and of their claims, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from lavarobust.attacks.suites import OTHER_MODEL
from lavarobust.experiment.sweep.claims import KEPT, Claim, ClaimAt
from lavarobust.experiment.sweep.gather import SweepRow
from lavarobust.experiment.sweep.suite_figures import SuiteFigures
from lavarobust.reporting.spreads import percent, points
from lavarobust.reporting.tables import Table

SUITE = (
    "Shares of the suite's images that are right without attack and under every attack so far, judged per "
    "image on the deployed integers; what a model draws is judged by a vote of fresh draws. First: under the "
    "first attack alone, PGD-20 of the adaptive suite. All: after the last; both by the same draws. "
    "Unreliable: evaluations whose diagnosis says that the figure may be too high, of all. Differ: images "
    "that Lava executed too and that differ in class, score or any count."
)
FATE = (
    "Gains in points of accuracy under attack, seed by seed and on the same images. Never held: no gain on "
    "average under the first attack. Falls: none under the whole suite. Survives: a gain in every seed, and "
    f"at least {KEPT:.0%} of what it was. Shrinks: anything between."
)
_NOTHING = "-"
_FATES = {
    "survives": "the claim survives",
    "shrinks": "the claim shrinks",
    "falls": "the claim falls",
    "never held": "the claim did not hold under the first attack already",
}


def suite_table(rows: Sequence[SweepRow]) -> Table:
    """Accuracy under the first attack and under all, attack by attack what fell, and what can be believed."""
    epsilons = list(dict.fromkeys(each.epsilon for row in rows for each in row.suite))
    columns = [column for epsilon in epsilons for column in (f"first at {epsilon:g}", f"all at {epsilon:g}")]
    lines = []
    for row in rows:
        figures = [
            row.figures.get(f"{which}, {epsilon:g}")
            for epsilon in epsilons
            for which in ("suite's first", "suite")
        ]
        shown = [_NOTHING if figure is None else percent(figure) for figure in figures]
        judged = sum(each.evaluations for each in row.suite)
        unreliable = sum(each.unreliable for each in row.suite)
        differ = sum(each.differences for each in row.suite)
        audited = sum(each.audited for each in row.suite)
        decided = ", ".join(dict.fromkeys(each.decided_by for each in row.suite if each.decided_by))
        cells = (f"{unreliable} of {judged}", f"{differ} of {audited}", decided or _NOTHING)
        lines.append((row.name, str(len(row.seeds)), *shown, *(cells if row.suite else (_NOTHING,) * 3)))
    images = sorted({each.images // len(row.seeds) for row in rows for each in row.suite if row.seeds})
    about = "Images per seed: " + ", ".join(f"{count:,}" for count in images) + "."
    return Table(
        "Under a suite of attacks (%)",
        ("row", "seeds", *columns, "unreliable", "differ", "most fell to"),
        tuple(lines),
        (SUITE, _transferred(rows), about),
    )


def _transferred(rows: Sequence[SweepRow]) -> str:
    attacked = [row for row in rows if row.suite]
    without = [row.name for row in attacked if not any(map(_from_other, row.suite))]
    said = "From other model: images are also transferred from the row's next seed"
    return f"{said}; not in {', '.join(without)} (one seed, or a suite without)." if without else f"{said}."


def _from_other(figures: SuiteFigures) -> bool:
    return any(attack.endswith(OTHER_MODEL) for attack in figures.fooled)


def claim_table(claims: Sequence[Claim], against: str) -> Table:
    """One line per row: what it gains on another before and after, and what that makes of its claim."""
    epsilons = list(dict.fromkeys(at.epsilon for claim in claims for at in claim.at))
    columns = [f"{what} at {epsilon:g}" for epsilon in epsilons for what in ("first", "all", "claim")]
    lines = []
    for claim in claims:
        known = {at.epsilon: (points(at.before), points(at.after), at.fate) for at in claim.at}
        cells = [cell for epsilon in epsilons for cell in known.get(epsilon, (_NOTHING,) * 3)]
        lines.append((claim.row, *cells))
    return Table(
        f"What becomes of the claim to be more robust than {against}",
        ("row", *columns),
        tuple(lines),
        (FATE, *(sentence(claim) for claim in claims)),
    )


def sentence(claim: Claim) -> str:
    """What becomes of one row's claim, in a sentence."""
    return f"{claim.row}: " + "; ".join(_part(at) for at in claim.at) + "."


def _part(at: ClaimAt) -> str:
    said = f"at {at.epsilon:g} {_FATES[at.fate]} ({points(at.before)} points"
    if at.fate != "never held":
        said += f" become {points(at.after)}"
        said += f", decided by {at.decided_by}" if at.decided_by else ""
    doubt = f"; {at.unreliable} of its figures may be too high" if at.unreliable else ""
    return f"{said}{doubt})"
