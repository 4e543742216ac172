"""What a suite of attacks left of a sweep's rows, and of their claims, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from lavarobust.experiment.sweep.claims import KEPT, Claim
from lavarobust.experiment.sweep.gather import SweepRow
from lavarobust.reporting.spreads import percent, points
from lavarobust.reporting.tables import Table

SUITE = (
    "Shares of the suite's images that are right without attack and under every attack so far, judged per "
    "image on the deployed integers; what a model draws is judged by a vote of fresh draws. First: under the "
    "first attack alone, PGD-20 of the adaptive suite. All: after the last. Unreliable: evaluations whose "
    "diagnosis says that the figure may be too high, of all. Differ: images that Lava executed too and that "
    "differ in class, score or any count."
)
FATE = (
    "Gains in points of accuracy under attack, on the same images. Falls: no gain on average at some "
    f"epsilon. Survives: a gain in every seed, and at least {KEPT:.0%} of what it was under the first "
    "attack. Shrinks: anything between. Never held: no gain at some epsilon even under the first attack. "
    "Decided by: the attack that took most of what the first had left, where the gain fell most."
)
_NOTHING = "-"
_FATES = {
    "survives": "The claim survives",
    "shrinks": "The claim shrinks",
    "falls": "The claim falls",
    "never held": "The claim did not hold under the first attack already",
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
        (SUITE, about),
    )


def claim_table(claims: Sequence[Claim], against: str) -> Table:
    """One line per row: what it gains on another before and after, and what that makes of its claim."""
    epsilons = list(dict.fromkeys(epsilon for claim in claims for epsilon in claim.after))
    columns = [f"{when} at {epsilon:g}" for epsilon in epsilons for when in ("first", "all")]
    lines = [
        (
            claim.row,
            *(
                points(gains[epsilon]) if epsilon in gains else _NOTHING
                for epsilon in epsilons
                for gains in (claim.before, claim.after)
            ),
            claim.fate,
            claim.decided_by or _NOTHING,
        )
        for claim in claims
    ]
    return Table(
        f"What becomes of the claim to be more robust than {against}",
        ("row", *columns, "the claim", "decided by"),
        tuple(lines),
        (FATE, *(sentence(claim, against) for claim in claims)),
    )


def sentence(claim: Claim, against: str) -> str:
    """What becomes of one row's claim, in a sentence."""
    gains = " and ".join(
        f"{points(claim.before[epsilon])} points at {epsilon:g} became {points(after)}"
        for epsilon, after in claim.after.items()
    )
    decided = f"; {claim.decided_by} decided" if claim.decided_by else ""
    doubt = f"; {claim.unreliable} of its evaluations may be too high" if claim.unreliable else ""
    return f"{claim.row}: more robust than {against}? {_FATES[claim.fate]}: {gains}{decided}{doubt}."
