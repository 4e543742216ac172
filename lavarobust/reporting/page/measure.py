"""Executing what the page shows and no file holds: counts, rasters, a robustness curve, attacked images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lavarobust.attacks import PGD, RobustnessResult, ThreatModel, evaluate
from lavarobust.dynamics import Surrogate
from lavarobust.errors import BackendError, DataError, ModelFileError, SettingsError
from lavarobust.execution import Backend, backend
from lavarobust.experiment.plan import execute
from lavarobust.netx.model import GradedSum
from lavarobust.record import Record
from lavarobust.reporting.page.subject import Subject

EPSILON = 0.1
"""Radius where no recipe says one."""

STEPS = 20
SHOWN = 4
"""Samples of which images and rasters are shown."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Measured:
    """Executions of one model.

    Attributes:
        subject: the model.
        clean: execution of its images.
        attacked: PGD at several radii on the first of them; None where nothing was attacked.
        not_attacked: why, then.
        shown: ``(K,)`` which of the attacked samples are shown, or of the images where none was attacked.
        epsilon: radius of the attacked images shown; None where there are none.
        shown_clean, shown_attacked: their executions with rasters of every layer that can spike.
    """

    subject: Subject
    clean: Record
    attacked: RobustnessResult | None
    not_attacked: str
    shown: np.ndarray
    epsilon: float | None
    shown_clean: Record
    shown_attacked: Record | None

    @property
    def correct(self) -> np.ndarray:
        """``(N,)`` bool, clean images whose prediction is their label."""
        right: np.ndarray = self.clean.prediction == self.subject.images.labels
        return right

    @property
    def shown_images(self) -> np.ndarray:
        """``(K, C, H, W)``, or frames ``(K, C, H, W, T)``, without attack."""
        images: np.ndarray = self.subject.images.images[self.shown]
        return images

    @property
    def shown_adversarial(self) -> np.ndarray | None:
        """The same under attack; None where there is none."""
        if self.attacked is None:
            return None
        outcomes = [each for each in self.attacked.outcomes if each.threat.epsilon == self.epsilon]
        images: np.ndarray = outcomes[0].images[self.shown]
        return images


def measure(
    subject: Subject, attacked: int, epsilons: Sequence[float] = (), progress: Progress | None = None
) -> Measured:
    """Execute a model on the simulator, clean and under PGD.

    Args:
        attacked: how many of the images are attacked; 0 for none.
        epsilons: radii of the curve; empty for those of the recipe and others around them.
        progress: told how far it is.
    """
    report = progress or (lambda what, done, total: None)
    engine = backend("simulator")
    images = subject.images
    report(f"{subject.name}: clean images on {engine.name}", 0, images.samples)
    clean = execute(engine, subject.model, subject.plan, images.images, images.indices)
    curve = tuple(sorted(set(epsilons))) or curve_epsilons(subject)
    result, reason = _attacked(subject, engine, attacked, curve, report)
    shown_at = None if result is None else _epsilon_shown(subject, curve)
    shown = _chosen(result, shown_at, images.samples)
    adversarial = None
    if result is not None:
        pixels = next(each for each in result.outcomes if each.threat.epsilon == shown_at).images[shown]
        adversarial = _with_rasters(subject, engine, pixels, shown)
    return Measured(
        subject=subject,
        clean=clean,
        attacked=result,
        not_attacked=reason,
        shown=shown,
        epsilon=shown_at,
        shown_clean=_with_rasters(subject, engine, images.images[shown], shown),
        shown_attacked=adversarial,
    )


def curve_epsilons(subject: Subject) -> tuple[float, ...]:
    """The recipe's radii, two below and two above them."""
    known = [EPSILON] if subject.recipe is None else sorted(subject.recipe.attack.epsilon)
    around = {known[0] / 4, known[0] / 2, *known, 1.5 * known[-1], 2 * known[-1]}
    return tuple(sorted({round(epsilon, 6) for epsilon in around if epsilon <= 1}))


def attack_settings(subject: Subject) -> tuple[PGD, Surrogate, int]:
    """PGD with the steps, surrogate and seed of the recipe."""
    if subject.recipe is None:
        return PGD(steps=STEPS), Surrogate(), 0
    attack = subject.recipe.attack
    surrogate = Surrogate(**subject.recipe.network.surrogate.model_dump())
    return PGD(steps=attack.steps, restarts=attack.restarts), surrogate, subject.recipe.seed


def _attacked(
    subject: Subject, engine: Backend, count: int, epsilons: tuple[float, ...], report: Progress
) -> tuple[RobustnessResult | None, str]:
    if not subject.labelled:
        return None, "synthetic spikes have no label that an attack could take away"
    if count == 0:
        return None, "no image was to be attacked"
    settings, surrogate, seed = attack_settings(subject)
    part = subject.images.take(count)
    try:
        result = evaluate(
            subject.model,
            subject.plan.as_deployment(subject.model),
            part.images,
            part.labels,
            part.indices,
            engine,
            [settings],
            [ThreatModel(epsilon) for epsilon in epsilons],
            surrogate,
            seed,
            progress=lambda what, done, total: report(f"{subject.name}: {what}", done, total),
        )
    except (SettingsError, BackendError, DataError, ModelFileError) as error:
        return None, str(error)
    return result, ""


def _epsilon_shown(subject: Subject, epsilons: tuple[float, ...]) -> float:
    """The recipe's smallest radius where the curve has it, else the middle of the curve."""
    known = EPSILON if subject.recipe is None else min(subject.recipe.attack.epsilon)
    return known if known in epsilons else epsilons[len(epsilons) // 2]


def _chosen(result: RobustnessResult | None, epsilon: float | None, samples: int) -> np.ndarray:
    """The first samples that fell, and the first that withstood, where there is one."""
    if result is None:
        return np.arange(min(SHOWN, samples))
    outcome = next(each for each in result.outcomes if each.threat.epsilon == epsilon)
    right, after = result.clean.correct, outcome.executed.correct
    fell, stood = np.flatnonzero(right & ~after), np.flatnonzero(right & after)[:1]
    chosen = np.concatenate([fell[: SHOWN - len(stood)], stood])
    return chosen if len(chosen) else np.arange(min(SHOWN, len(right)))


def _with_rasters(subject: Subject, engine: Backend, images: np.ndarray, places: np.ndarray) -> Record:
    keep = [index for index, layer in subject.model.populations if not isinstance(layer.neuron, GradedSum)]
    indices = subject.images.indices[places]
    return execute(engine, subject.model, subject.plan, images, indices, keep=keep)
