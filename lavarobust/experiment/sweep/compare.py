"""Every row of a sweep beside the one that it claims to be better than, seed by seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lavarobust.experiment.sweep.gather import SeedSpread, SweepRow, spread

Verdict = Literal["holds", "fails", "unclear"]


@dataclass(frozen=True)
class Comparison:
    """One row against another, over the seeds that both have.

    Attributes:
        row: its name.
        seeds: that were compared.
        clean: what accuracy on clean images gains.
        robust: by epsilon, what the accuracy under the worst of the attacks gains.
        spikes: times the other's.
    """

    row: str
    seeds: tuple[int, ...]
    clean: SeedSpread
    robust: Mapping[float, SeedSpread]
    spikes: SeedSpread

    @property
    def verdict(self) -> Verdict:
        """What becomes of the claim to be more robust.

        ``holds``: in every seed and at every epsilon. ``fails``: at some epsilon it gains nothing on
        average. ``unclear``: anything between.
        """
        gains = self.robust.values()
        if gains and all(gain.low > 0 for gain in gains):
            return "holds"
        return "fails" if any(gain.mean <= 0 for gain in gains) else "unclear"


def compare(rows: Sequence[SweepRow], against: str) -> tuple[Comparison, ...]:
    """All rows but the one named ``against``, which have a seed in common with it."""
    others = [row for row in rows if row.name != against]
    [base] = [row for row in rows if row.name == against]
    compared = ((row, tuple(seed for seed in row.seeds if seed in base.seeds)) for row in others)
    return tuple(_comparison(row, base, seeds) for row, seeds in compared if seeds)


def _comparison(row: SweepRow, base: SweepRow, seeds: tuple[int, ...]) -> Comparison:
    def of(each: SweepRow, figure: str) -> list[float]:
        values = dict(zip(each.seeds, each.figures[figure].values, strict=True))
        return [values[seed] for seed in seeds]

    def gain(figure: str) -> SeedSpread:
        return spread([one - other for one, other in zip(of(row, figure), of(base, figure), strict=True)])

    shared = [epsilon for epsilon in row.epsilons if epsilon in base.epsilons]
    spikes = zip(of(row, "spikes"), of(base, "spikes"), strict=True)
    return Comparison(
        row.name,
        seeds,
        gain("accuracy"),
        {epsilon: gain(f"worst, {epsilon:g}") for epsilon in shared},
        spread([one / max(other, 1e-9) for one, other in spikes]),
    )
