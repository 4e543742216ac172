"""A run's test images evaluated in whole numbers, so that those of disjoint shards add up exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lavarobust.attacks import AttackOutcome, FlipOutcome
from lavarobust.attacks.evaluate import Progress
from lavarobust.data import Images
from lavarobust.energy import Ledger, applicable_rules, make_ledger
from lavarobust.energy.rules import find_rule
from lavarobust.energy.rules.hire import dense_operations
from lavarobust.execution import backend
from lavarobust.experiment.plan import execute
from lavarobust.experiment.stages import (
    DeployedRun,
    ImageSet,
    attack_run,
    differing,
    execute_set,
    flip_run,
    image_sets,
    set_scores,
)


@dataclass(frozen=True)
class SetCounts:
    """Whole numbers over one set of images.

    Attributes:
        attack: its name, or ``clean``.
        epsilon: linf radius in pixel units; 0 for clean pixels.
        samples: images.
        float_correct, slayer_correct: right on the network before rounding, and in SLAYER's quantised
            forward.
        correct: right on the executed integers (simulator), ties going to the lowest class.
        tied: executed predictions that several classes share.
        fooled: right without attack and wrong here; over the clean set's ``correct`` it is the attack
            success rate.
        spikes, accumulates, multiply_accumulates: executed, all images together.
        gradients, zero_gradients: of the attack; zero means zero in every pixel.
        slayer_differences: images whose scores in SLAYER's forward are not the simulator's, in any class.
        on_lava, lava_differences: images that Lava executed too, and those of them with other scores.
        flips: entries per frame that an attack on the encoding may change; 0 for other sets.
    """

    attack: str
    epsilon: float
    samples: int
    float_correct: int
    slayer_correct: int
    correct: int
    tied: int
    fooled: int
    spikes: int
    accumulates: int
    multiply_accumulates: int
    gradients: int
    zero_gradients: int
    slayer_differences: int
    on_lava: int
    lava_differences: int
    flips: int = 0

    @property
    def name(self) -> str:
        """The attack with its budget."""
        return (
            f"{self.attack} with {self.flips} flips" if self.flips else f"{self.attack} at {self.epsilon:g}"
        )


@dataclass(frozen=True)
class Counts:
    """One evaluation.

    Attributes:
        sets: clean images first, then each attack's.
        robust: per epsilon, images that are right without attack and under every attack on pixels.
        operations: by counting rule and term, of all clean images together, for the usual rules that hold;
            whole numbers where they are counted, fractions where a rule estimates.
        ann_operations: multiply-accumulates of one dense pass of one image, each average pool in front of
            its kernel (FL_ANN of HIRE-SNN, Table 6).
    """

    sets: tuple[SetCounts, ...]
    robust: tuple[tuple[float, int], ...]
    operations: Mapping[str, Mapping[str, float]]
    ann_operations: int

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "sets": [asdict(each) for each in self.sets],
            "robust": [{"epsilon": epsilon, "correct": correct} for epsilon, correct in self.robust],
            "operations": {rule: dict(terms) for rule, terms in self.operations.items()},
            "ann_operations": self.ann_operations,
        }


def count_run(run: DeployedRun, images: Images, on_lava: int, progress: Progress | None = None) -> Counts:
    """Attack and execute images on the simulator, and the first of every set on Lava as well.

    Args:
        images: at least one.
        on_lava: images of every set that Lava executes.
        progress: told how far it is.
    """
    report = progress or (lambda what, done, total: None)
    result = attack_run(run, images, report)
    flipped = flip_run(run, images, report)
    sets = image_sets(result, flipped, images)
    report(f"the first {on_lava} images of each set on lava", 0, on_lava * len(sets))
    lava_scores = _scores_on_lava(run, sets, on_lava)
    report("images in SLAYER", 0, images.samples * len(sets))
    outcomes = (None, *result.outcomes, *flipped)
    counted = [
        _set_counts(run, each, outcome, result.clean.correct, scores)
        for each, outcome, scores in zip(sets, outcomes, lava_scores, strict=True)
    ]
    robust = [(threat.epsilon, int(result.robust(threat).sum())) for threat in result.threats]
    clean = make_ledger(sets[0].simulated, run.model)
    dense = sum(dense_operations(layer) for layer in clean.layers)
    return Counts(tuple(counted), tuple(robust), _operations(clean), dense)


def _operations(ledger: Ledger) -> dict[str, dict[str, float]]:
    counted: dict[str, dict[str, float]] = {}
    for rule in applicable_rules(ledger):
        terms = counted.setdefault(rule, {})
        for row in find_rule(rule)(ledger):
            terms[row.term] = terms.get(row.term, 0) + row.count.sum().item()
    return counted


def _scores_on_lava(run: DeployedRun, sets: Sequence[ImageSet], count: int) -> list[np.ndarray]:
    """Lava's scores ``(n, classes)`` of the first images of every set.

    Those of pixels run one after the other in one network, which takes seconds to start.
    """
    if count == 0:
        return [np.zeros((0, each.simulated.scores.shape[1]), dtype=np.int64) for each in sets]
    lava = backend("lava")
    of_pixels = [each for each in sets if each.frames is None]
    parts = [each.images.take(count) for each in of_pixels]
    executed = execute(
        lava,
        run.model,
        run.plan,
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.indices for part in parts]),
    )
    flipped = [execute_set(run, each, lava, count).scores for each in sets if each.frames is not None]
    return [*np.split(executed.scores, len(of_pixels)), *flipped]


def _set_counts(
    run: DeployedRun,
    images: ImageSet,
    outcome: AttackOutcome | FlipOutcome | None,
    right_when_clean: np.ndarray,
    lava_scores: np.ndarray,
) -> SetCounts:
    simulated, labels = images.simulated, images.images.labels
    slayer = set_scores(run, images)
    floating = set_scores(run, images, quantised=False)
    ledger = make_ledger(simulated, run.model)
    correct = simulated.prediction == labels
    on_lava = len(lava_scores)
    return SetCounts(
        attack="clean" if outcome is None else outcome.settings.name,
        epsilon=images.epsilon,
        samples=images.images.samples,
        float_correct=int((floating.argmax(1) == labels).sum()),
        slayer_correct=int((slayer.argmax(1) == labels).sum()),
        correct=int(correct.sum()),
        tied=int(simulated.tied.sum()),
        fooled=int((right_when_clean & ~correct).sum()),
        spikes=int(ledger.total("spikes").sum()),
        accumulates=int(ledger.total("accumulates").sum()),
        multiply_accumulates=int(ledger.total("multiply_accumulates").sum()),
        gradients=0 if outcome is None else outcome.gradients,
        zero_gradients=0 if outcome is None else outcome.zero_gradients,
        slayer_differences=differing(slayer, simulated.scores),
        on_lava=on_lava,
        lava_differences=differing(lava_scores, simulated.scores[:on_lava]),
        flips=outcome.budget.flips if isinstance(outcome, FlipOutcome) else 0,
    )
