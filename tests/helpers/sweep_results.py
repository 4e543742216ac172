"""Units and results whose figures can be worked out by hand."""

from __future__ import annotations

from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.sweep.unit import RESULT_VERSION, Unit

ZERO = dict.fromkeys(
    ("float_correct", "slayer_correct", "correct", "tied", "fooled", "spikes", "accumulates", "gradients",
     "multiply_accumulates", "zero_gradients", "slayer_differences", "on_lava", "lava_differences"), 0,
)  # fmt: skip


def unit(row, seed=0, shard=0, shards=1):
    """Units of different rows train for different times."""
    epochs = 10 + sum(row.encode()) % 90
    recipe = load_recipe("digits-plain", [f"seed={seed}", f"training.epochs={epochs}"])
    return Unit(row, recipe, None, 16, shard, shards)


def counted(attack="clean", epsilon=0.0, samples=10, **numbers):
    return {"attack": attack, "epsilon": epsilon, "samples": samples} | ZERO | numbers


def result(of, *sets, robust=()):
    """A result as a unit writes it, with what gathering reads."""
    plain = [{"epsilon": epsilon, "correct": correct} for epsilon, correct in robust]
    return {
        "unit": of.as_dict(),
        "result_version": RESULT_VERSION,
        "training": {"train_accuracy": 0.75},
        "counts": {"sets": list(sets), "robust": plain},
    }
