"""What a run found, as a table to print and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.measure import table
from benchmarks.parity.attempt import Attempt
from benchmarks.parity.features import EXTRAS, FEATURES, KINDS

COUNTED_BAR, EACH_BAR = 1000, 50


@dataclass(frozen=True)
class Summary:
    """Of the attempts so far.

    Attributes:
        results: number of networks by what came of them.
        coverage: number of counted networks by kind, feature and extra.
        differing: those with a difference.
    """

    results: Counter[str]
    coverage: Counter[str]
    differing: tuple[Attempt, ...]

    @classmethod
    def of(cls, attempts: Sequence[Attempt]) -> Summary:
        counted = [attempt for attempt in attempts if attempt.result == "counted"]
        return cls(
            Counter(attempt.result for attempt in attempts),
            Counter(feature for attempt in counted for feature in attempt.features),
            tuple(attempt for attempt in attempts if attempt.differences),
        )

    @property
    def short_of_bar(self) -> tuple[str, ...]:
        """What is missing to the bar; empty where it is reached."""
        missing = [
            f"{name} {self.coverage[name]} of {EACH_BAR}"
            for name in (*KINDS, *FEATURES)
            if self.coverage[name] < EACH_BAR
        ]
        if self.results["counted"] < COUNTED_BAR:
            missing.insert(0, f"counted {self.results['counted']} of {COUNTED_BAR}")
        if self.differing:
            missing.insert(0, f"differing {len(self.differing)} instead of 0")
        return tuple(missing)

    def text(self) -> str:
        groups = {"kind": KINDS, "feature": FEATURES, "also": EXTRAS}
        rows = [[group, name, self.coverage[name]] for group, names in groups.items() for name in names]
        tried = sum(self.results.values())
        outcomes = ", ".join(
            f"{self.results[name]} {said}"
            for name, said in (
                ("counted", "counted"),
                ("discarded", "compared but too quiet or too busy to count"),
                ("refused", "refused by the lava backend"),
                ("failed", "that did not run"),
            )
            if self.results[name] or name == "counted"
        )
        bar = "; ".join(self.short_of_bar)
        return "\n".join([
            table("Counted networks by what they exercised", ["", "", "networks"], rows),
            "",
            f"{tried} networks tried: {outcomes}",
            f"{len(self.differing)} with differences",
            f"the bar ({COUNTED_BAR:,} counted, none differing, {EACH_BAR} of each kind and feature): "
            + (f"missed by {bar}" if bar else "reached"),
        ])  # fmt: skip

    def plain(self) -> dict[str, Any]:
        return {
            "tried": sum(self.results.values()),
            **{name: self.results[name] for name in ("counted", "discarded", "refused", "failed")},
            "differing": len(self.differing),
            "coverage": {name: self.coverage[name] for name in (*KINDS, *FEATURES, *EXTRAS)},
            "short_of_bar": list(self.short_of_bar),
        }
