"""What becomes of every row's claim to be more robust, once a suite has gone on after its first attack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lavarobust.experiment.sweep.gather import SeedSpread, SweepRow, spread

Fate = Literal["survives", "shrinks", "falls", "never held"]

KEPT = 0.8
"""Share of its gain that a claim must keep under the suite to survive; what keeps less shrinks."""


@dataclass(frozen=True)
class ClaimAt:
    """A row against the one that it claims to be more robust than, at one epsilon.

    Attributes:
        epsilon: in pixel units.
        before, after: what accuracy under attack gains, seed by seed and on the same images: under the
            suite's first attack, and under all of it.
        decided_by: the attack that fooled most of what the first one had left; empty where none fell.
        unreliable: evaluations of the row whose diagnosis speaks against the figure.
    """

    epsilon: float
    before: SeedSpread
    after: SeedSpread
    decided_by: str
    unreliable: int

    @property
    def fate(self) -> Fate:
        """``never held``: no gain on average under the first attack. ``falls``: none under the suite.
        ``survives``: a gain in every seed, and :data:`KEPT` of what it was. ``shrinks``: anything between."""
        if self.before.mean <= 0:
            return "never held"
        if self.after.mean <= 0:
            return "falls"
        return "survives" if self.after.low > 0 and self.after.mean >= KEPT * self.before.mean else "shrinks"


@dataclass(frozen=True)
class Claim:
    """One row's claim, by epsilon."""

    row: str
    at: tuple[ClaimAt, ...]


def claims(rows: Sequence[SweepRow], against: str) -> tuple[Claim, ...]:
    """Of every row that a suite attacked, where it attacked the row that is compared with, too."""
    [base] = [row for row in rows if row.name == against]
    attacked = [row for row in rows if row.suite and row.name != against]
    return tuple(_claim(row, base) for row in attacked if base.suite)


def _claim(row: SweepRow, base: SweepRow) -> Claim:
    def gain(figure: str) -> SeedSpread:
        ours, theirs = (dict(zip(one.seeds, one.figures[figure].values, strict=True)) for one in (row, base))
        return spread([ours[seed] - theirs[seed] for seed in ours if seed in theirs])

    return Claim(
        row.name,
        tuple(
            ClaimAt(
                each.epsilon,
                gain(f"suite's first, {each.epsilon:g}"),
                gain(f"suite, {each.epsilon:g}"),
                each.decided_by,
                each.unreliable,
            )
            for each in row.suite
        ),
    )
