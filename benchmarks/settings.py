"""How a run was asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What every benchmark is given.

    Attributes:
        repeats: measured rounds.
        data: folder with MNIST's idx files; None for noise.
        only: names of the cases wanted; empty for all.
    """

    repeats: int = 5
    data: Path | None = None
    only: frozenset[str] = frozenset()

    def wanted(self, cases: Iterable[str]) -> list[str]:
        """Those of the cases that are to run."""
        return [case for case in cases if not self.only or case in self.only]


def say(line: str) -> None:
    """Progress, apart from results."""
    print(f"... {line}", file=sys.stderr, flush=True)
