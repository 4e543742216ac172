"""Results of units gathered into rows: shards added up, seeds as mean and spread."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lavarobust.errors import DataError
from lavarobust.experiment.sweep.counting import SetCounts
from lavarobust.experiment.sweep.results import Result
from lavarobust.experiment.sweep.suite_figures import SuiteFigures, added, suite_of
from lavarobust.experiment.sweep.unit import Unit


@dataclass(frozen=True)
class SeedSpread:
    """One figure of a row over its seeds.

    Attributes:
        values: by seed, in the order of the row's.
        mean, low, high: mean, smallest and largest of them.
        std: sample standard deviation (divisor n - 1); None for one seed.
    """

    values: tuple[float, ...]
    mean: float
    std: float | None
    low: float
    high: float


@dataclass(frozen=True)
class SweepRow:
    """One row of the table.

    Attributes:
        name: as the sweep names it.
        seeds: whose units are all done.
        missing: whose are not.
        images: per seed.
        attacks: of the recipe, as ``FGSM at 0.1`` or ``SEA with 10 flips``, in order.
        epsilons: of the attacks, in order.
        figures: of the deployed integers on the simulator, shares of 0..1:
            ``accuracy`` of clean images, and ``float accuracy`` of the network before rounding;
            ``train accuracy``: running mean over the selected epoch, on what the objective trained on; only
            where every seed's result says it, as older ones do not;
            ``accuracy, ATTACK``: share of all images that the attack leaves right;
            ``success, ATTACK``: share of the images right without attack that are wrong with it
            (0 if there are none);
            ``worst, EPSILON``: share of all images right without attack and under every attack at it;
            ``spikes``, ``accumulates``, ``multiply_accumulates`` per clean image;
            ``spikes per neuron`` of a clean image, where every seed's result knows its model's neurons;
            ``gate opening``: mean probability of a model's gates, where it has some;
            ``operations, RULE, TERM`` per clean image by a counting rule, and ``ANN operations`` of a dense
            pass, where every seed's result says them, as older ones do not;
            ``analog accuracy`` of clean images, of the network that training began with, where it had one.
            ``suite's first, EPSILON`` and ``suite, EPSILON``: share of the suite's images right without
            attack and under the first of its attacks, and under all of them.
        suite: of attacks that ran beside the recipe's own, by epsilon; empty where none did.
        slayer_differences, slayer_images: images of all sets and seeds whose scores in SLAYER's forward are
            not the simulator's, and how many were compared.
        lava_differences, lava_images: the same for Lava.
        zero_gradient_share: of all gradients of all attacks and seeds, those zero in every pixel; 0 if none.
    """

    name: str
    seeds: tuple[int, ...]
    missing: tuple[int, ...]
    images: int
    attacks: tuple[str, ...]
    epsilons: tuple[float, ...]
    figures: Mapping[str, SeedSpread]
    slayer_differences: int
    slayer_images: int
    lava_differences: int
    lava_images: int
    zero_gradient_share: float
    suite: tuple[SuiteFigures, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Seed:
    """One seed's counts, its shards added up."""

    sets: tuple[SetCounts, ...]
    robust: tuple[tuple[float, int], ...]
    train_accuracy: float | None
    neurons: float | None
    gate_opening: float | None
    suite: tuple[SuiteFigures, ...] = ()
    operations: Mapping[str, float] = field(default_factory=dict)
    ann_operations: float | None = None
    analog_correct: float | None = None


def spread(values: Sequence[float]) -> SeedSpread:
    """Mean and spread of at least one value."""
    std = statistics.stdev(values) if len(values) > 1 else None
    return SeedSpread(tuple(values), statistics.fmean(values), std, min(values), max(values))


def gather(units: Sequence[Unit], results: Mapping[str, Result]) -> tuple[SweepRow, ...]:
    """The rows of a sweep, in order.

    Args:
        units: of the whole sweep.
        results: of those that are done, by the unit's key.

    Raises:
        DataError: a result that lacks something, or shards that do not belong together.
    """
    rows: dict[str, dict[int, list[Unit]]] = {}
    for unit in units:
        rows.setdefault(unit.row, {}).setdefault(unit.recipe.seed, []).append(unit)
    return tuple(_row(name, seeds, results) for name, seeds in rows.items())


def _row(name: str, units: Mapping[int, Sequence[Unit]], results: Mapping[str, Result]) -> SweepRow:
    done = {
        seed: _added([results[unit.key] for unit in shards], name, seed)
        for seed, shards in units.items()
        if all(unit.key in results for unit in shards)
    }
    seeds = tuple(done.values())
    sets = [each for seed in seeds for each in seed.sets]
    figures = [_figures(seed) for seed in seeds]
    first = seeds[0] if seeds else _Seed((), (), None, None, None)
    return SweepRow(
        name=name,
        seeds=tuple(done),
        missing=tuple(seed for seed in units if seed not in done),
        images=first.sets[0].samples if seeds else 0,
        attacks=tuple(each.name for each in first.sets[1:]),
        epsilons=tuple(epsilon for epsilon, _ in first.robust),
        figures=_spreads(figures),
        slayer_differences=sum(each.slayer_differences for each in sets),
        slayer_images=sum(each.samples for each in sets),
        lava_differences=sum(each.lava_differences for each in sets),
        lava_images=sum(each.on_lava for each in sets),
        zero_gradient_share=sum(each.zero_gradients for each in sets)
        / max(sum(each.gradients for each in sets), 1),
        suite=added([seed.suite for seed in seeds]),
    )


def _added(results: Sequence[Result], row: str, seed: int) -> _Seed:
    try:
        shards = [
            _Seed(
                tuple(SetCounts(**each) for each in result["counts"]["sets"]),
                tuple((each["epsilon"], each["correct"]) for each in result["counts"]["robust"]),
                _known(result, "training", "train_accuracy"),
                _known(result, "export", "neurons"),
                _known(result, "export", "gate_opening"),
                suite_of(result),
                {
                    f"{rule}, {term}": count
                    for rule, terms in result["counts"].get("operations", {}).items()
                    for term, count in terms.items()
                },
                _known(result, "counts", "ann_operations"),
                _known(result, "analog", "correct"),
            )
            for result in results
        ]
        sets = tuple(_sum_sets(each) for each in zip(*(shard.sets for shard in shards), strict=True))
        robust = tuple(
            (each[0][0], sum(correct for _, correct in each))
            for each in zip(*(shard.robust for shard in shards), strict=True)
        )
        suite = added([shard.suite for shard in shards])
        operations = {name: sum(shard.operations[name] for shard in shards) for name in shards[0].operations}
        known = [shard.analog_correct for shard in shards if shard.analog_correct is not None]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"a result of row {row!r} with seed {seed} is damaged ({error!r}). Remove it, and its unit is "
            "done again"
        ) from error
    right = sum(known) if len(known) == len(shards) else None
    return replace(
        shards[0], sets=sets, robust=robust, suite=suite, operations=operations, analog_correct=right
    )


def _known(result: Result, stage: str, name: str) -> float | None:
    """What a stage says; None of a result that was made before it did."""
    known = result.get(stage, {}).get(name)
    return None if known is None else float(known)


def _sum_sets(sets: Sequence[SetCounts]) -> SetCounts:
    """The same images' set over all shards."""
    first = sets[0]
    if any((each.name, each.epsilon) != (first.name, first.epsilon) for each in sets):
        raise ValueError("its shards were attacked otherwise")
    numbers = [name for name in vars(first) if name not in ("attack", "epsilon", "flips")]
    return replace(first, **{name: sum(getattr(each, name) for each in sets) for name in numbers})


def _spreads(seeds: Sequence[Mapping[str, float]]) -> dict[str, SeedSpread]:
    """Of the figures that all seeds have."""
    shared = [key for key in seeds[0] if all(key in each for each in seeds)] if seeds else []
    return {key: spread([each[key] for each in seeds]) for key in shared}


def _figures(seed: _Seed) -> dict[str, float]:
    clean, *attacked = seed.sets
    figures = {} if seed.train_accuracy is None else {"train accuracy": seed.train_accuracy}
    figures |= {
        "float accuracy": clean.float_correct / clean.samples,
        "accuracy": clean.correct / clean.samples,
    }
    figures |= {f"accuracy, {each.name}": each.correct / each.samples for each in attacked}
    figures |= {f"success, {each.name}": each.fooled / max(clean.correct, 1) for each in attacked}
    figures |= {f"worst, {epsilon:g}": correct / clean.samples for epsilon, correct in seed.robust}
    for each in seed.suite:
        figures[f"suite's first, {each.epsilon:g}"] = each.first / each.images
        figures[f"suite, {each.epsilon:g}"] = each.robust / each.images
    for count in ("spikes", "accumulates", "multiply_accumulates"):
        figures[count] = getattr(clean, count) / clean.samples
    if seed.neurons is not None:
        figures["spikes per neuron"] = figures["spikes"] / seed.neurons
    if seed.gate_opening is not None:
        figures["gate opening"] = seed.gate_opening
    figures |= {f"operations, {name}": done / clean.samples for name, done in seed.operations.items()}
    if seed.ann_operations is not None:
        figures["ANN operations"] = seed.ann_operations
    if seed.analog_correct is not None:
        figures["analog accuracy"] = seed.analog_correct / clean.samples
    return figures
