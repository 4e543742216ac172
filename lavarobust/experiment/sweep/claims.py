"""What becomes of every row's claim to be more robust, once a suite has gone on after its first attack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lavarobust.experiment.sweep.gather import SeedSpread, SweepRow, spread

Fate = Literal["survives", "shrinks", "falls", "never held"]

KEPT = 0.8
"""Share of its gain that a claim must keep under the suite to survive; what keeps less shrinks."""


@dataclass(frozen=True)
class Claim:
    """One row against the one that it claims to be more robust than.

    Attributes:
        row: its name.
        before, after: by epsilon, what accuracy under attack gains, seed by seed and on the same images:
            under the suite's first attack, and under all of it.
        decided_by: the attack that fooled most of what the suite's first attack had left, at the epsilon
            where the gain fell most; empty where none fell.
        unreliable: evaluations of the row whose diagnosis speaks against the figure, at any epsilon.
    """

    row: str
    before: Mapping[float, SeedSpread]
    after: Mapping[float, SeedSpread]
    decided_by: str
    unreliable: int

    @property
    def fate(self) -> Fate:
        """``never held``: it gains nothing on average at some epsilon under the first attack.
        ``falls``: so under the suite. ``survives``: at every epsilon it gains in every seed and keeps
        :data:`KEPT` of its gain. ``shrinks``: anything between."""
        if any(gain.mean <= 0 for gain in self.before.values()):
            return "never held"
        if any(gain.mean <= 0 for gain in self.after.values()):
            return "falls"
        kept = all(gain.mean >= KEPT * self.before[epsilon].mean for epsilon, gain in self.after.items())
        return "survives" if kept and all(gain.low > 0 for gain in self.after.values()) else "shrinks"


def claims(rows: Sequence[SweepRow], against: str) -> tuple[Claim, ...]:
    """Of every row that a suite attacked, where it attacked the row that is compared with, too."""
    [base] = [row for row in rows if row.name == against]
    attacked = [row for row in rows if row.suite and row.name != against]
    return tuple(_claim(row, base) for row in attacked if base.suite)


def _claim(row: SweepRow, base: SweepRow) -> Claim:
    def gain(figure: str) -> SeedSpread:
        ours, theirs = (dict(zip(one.seeds, one.figures[figure].values, strict=True)) for one in (row, base))
        return spread([ours[seed] - theirs[seed] for seed in ours if seed in theirs])

    before = {each.epsilon: gain(f"suite's first, {each.epsilon:g}") for each in row.suite}
    after = {each.epsilon: gain(f"suite, {each.epsilon:g}") for each in row.suite}
    hardest = min(row.suite, key=lambda each: after[each.epsilon].mean - before[each.epsilon].mean)
    return Claim(row.name, before, after, hardest.decided_by, sum(each.unreliable for each in row.suite))
