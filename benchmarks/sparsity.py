"""SR's figures of finished runs: input gradients' l0 and l1, and accuracy under noise and under PGD.

``python -m benchmarks.sparsity runs/digits-plain-0 runs/digits-sr-0 --epsilon 0.05 0.1 --limit 200``
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lavarobust.experiment.sparsity import SparsityReport, measure_sparsity

HEADER = ("run", "images", "l0", "of", "l1", "epsilon", "noise (%)", "PGD (%)", "gap")


def rows(report: SparsityReport) -> list[tuple[str, ...]]:
    """One row per epsilon."""
    gradients = report.gradients
    return [
        (
            report.name,
            str(gradients.samples),
            f"{gradients.l0:.1f}",
            str(gradients.pixels),
            f"{gradients.l1:.3f}",
            f"{gap.epsilon:.4g}",
            f"{100 * gap.random:.1f}",
            f"{100 * gap.adversarial:.1f}",
            f"{100 * gap.gap:.1f}",
        )
        for gap in report.gaps
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of the runs that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, help="folders of finished, exported runs")
    parser.add_argument("--epsilon", type=float, nargs="+", help="default: those of each run's recipe")
    parser.add_argument("--limit", type=int, help="test images")
    options = parser.parse_args(arguments)
    lines: list[tuple[str, ...]] = []
    for run in options.runs:
        lines += rows(measure_sparsity(run, options.epsilon, options.limit))
    for line in (HEADER, ("---",) * len(HEADER), *lines):
        print("| " + " | ".join(line) + " |")


if __name__ == "__main__":
    main()
