"""How much dearer an attacker can make an answer: a model's operations on images of one box, by the ledger.

``python -m benchmarks.operations digits-plain digits-hire --epsilon 0.05 0.1`` executes clean images, images
that random signs moved to corners of the box, and those of :func:`lavarobust.attacks.attack_operations`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from benchmarks.measure import table
from lavarobust.attacks import OperationsAscent, OperationsVictim, attack_operations
from lavarobust.attacks.words import attack_uniforms
from lavarobust.energy import make_ledger
from lavarobust.execution import backend
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.plan import execute
from lavarobust.experiment.run import Prepared, prepare

HEADER = (
    "model", "epsilon", "operations per image", "random signs", "attacked", "AC", "MAC",
    "accuracy", "attacked",
)  # fmt: skip


def row(name: str, prepared: Prepared, epsilon: float, steps: int, seed: int = 0) -> tuple[str, ...]:
    """One line of the table, of the images that were prepared.

    Args:
        epsilon: largest change of a pixel, in pixel units.
        steps: gradients of the attack.
        seed: of the random signs.
    """
    model, part = prepared.model, prepared.chosen.images
    victim = OperationsVictim(model, prepared.plan.as_deployment(model))
    found = attack_operations(OperationsAscent(steps), victim, part.images, part.indices, epsilon)
    draws = attack_uniforms(part.indices, seed, "random signs", 0, part.images[0].size)
    signs = np.where(draws < 0.5, -1, 1).reshape(part.images.shape)
    random = np.clip(part.images + epsilon * signs, 0, 1).astype(np.float32)
    clean, noisy, attacked = (_executed(prepared, images) for images in (part.images, random, found.images))
    before = clean["accumulates"] + clean["multiply_accumulates"]
    return (
        name,
        f"{epsilon:g}",
        f"{before / part.samples:,.0f}",
        _times(noisy["accumulates"] + noisy["multiply_accumulates"], before),
        _times(attacked["accumulates"] + attacked["multiply_accumulates"], before),
        _times(attacked["accumulates"], clean["accumulates"]),
        _times(attacked["multiply_accumulates"], clean["multiply_accumulates"]),
        f"{clean['right'] / part.samples:.1%}",
        f"{attacked['right'] / part.samples:.1%}",
    )


def _executed(prepared: Prepared, images: np.ndarray) -> dict[str, int]:
    part = prepared.chosen.images
    record = execute(backend("simulator"), prepared.model, prepared.plan, images, part.indices)
    ledger = make_ledger(record, prepared.model)
    counts = {name: int(ledger.total(name).sum()) for name in ("accumulates", "multiply_accumulates")}
    return counts | {"right": int((record.prediction == part.labels).sum())}


def _times(after: int, before: int) -> str:
    return f"x {after / before:.3f}" if before else "-"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table for the models that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("models", nargs="+", help="files, or names of models of the package")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[0.1], help="[default: 0.1]")
    parser.add_argument("--images", type=int, default=200, help="test images [default: 200]")
    parser.add_argument("--steps", type=int, default=20, help="gradients of the attack [default: 20]")
    options = parser.parse_args(arguments)
    rows = []
    for name in options.models:
        prepared = prepare(name, DataChoice(limit=options.images))
        rows += [row(name, prepared, epsilon, options.steps) for epsilon in options.epsilon]
    title = f"synaptic operations on {options.images} test images, executed by the simulator"
    print(table(title, HEADER, rows))


if __name__ == "__main__":
    main()
