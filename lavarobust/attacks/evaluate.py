"""Robustness of a deployed model: crafted with the simulator's gradients, judged where it is executed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lavarobust.attacks.dispatch import PixelAttack, run_attack
from lavarobust.attacks.integer_victim import IntegerVictim
from lavarobust.attacks.result import AttackOutcome, Judged, RobustnessResult, success_rate
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.search import AttackResult
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import DEFAULT_CHUNK, Queries
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.execution import Backend
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model

BATCH = 8 * DEFAULT_CHUNK
"""Samples attacked between two reports of progress; it changes no result."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how many samples of how many are done."""


def evaluate(
    model: Model,
    deployment: Deployment,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    backend: Backend,
    attacks: Sequence[PixelAttack],
    threats: Sequence[ThreatModel],
    rule: GradientRule = Surrogate(),  # noqa: B008
    seed: int = 0,
    draw: int = 0,
    progress: Progress | None = None,
) -> RobustnessResult:
    """Attack a model's executed integers and execute what the attacks found.

    Args:
        model: the integer model.
        deployment: its steps, encoding and readout.
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        backend: judges clean and adversarial images, e.g. ``lavarobust.execution.backend("lava")``.
        attacks: each is run under each threat model.
        threats: what may be changed.
        rule: how the attacks' gradients go back through spikes.
        seed: key of the attacks' draws.
        draw: repetition of the encoder's draws that is attacked and executed. A rate encoder is thereby
            attacked with its draws known, which no fresh draw makes stronger.
        progress: told how far it is.

    Raises:
        SettingsError: no attack, no threat model, or a deployment that can't be run.
        DataError: arrays that do not fit each other or the model.
        BackendError: the backend can't run the model.
        ThreatModelError: an attack left its threat model, which is a defect.
    """
    if not attacks or not threats:
        raise SettingsError("an evaluation needs at least one attack and one threat model.")
    samples = checked_samples(images, labels, indices)
    victim = IntegerVictim(model, deployment, rule)
    report = progress or (lambda what, done, total: None)

    def execute(pixels: np.ndarray, what: str) -> Judged:
        report(f"{what} on {backend.name}", 0, len(samples))
        stimulus = encode(deployment.encoding, pixels, deployment.steps, samples.indices, draw)
        record = backend.run(model, stimulus, deployment.readout)
        report(f"{what} on {backend.name}", len(samples), len(samples))
        return Judged(record, samples.labels)

    clean = execute(samples.images, "clean images")
    outcomes = []
    for threat in threats:
        for settings in attacks:
            found = _craft(settings, victim, samples, threat, seed, draw, report)
            executed = execute(found.images, f"{settings.name} at {threat.epsilon:.4g}")
            outcomes.append(_outcome(settings, threat, found, clean, executed))
    return RobustnessResult(
        model=model.name,
        backend=backend.name,
        rule=rule,
        seed=seed,
        draw=draw,
        indices=samples.indices,
        clean=clean,
        outcomes=tuple(outcomes),
    )


def _craft(
    settings: PixelAttack,
    victim: IntegerVictim,
    samples: Samples,
    threat: ThreatModel,
    seed: int,
    draw: int,
    report: Progress,
) -> AttackResult:
    parts = []
    for start in range(0, len(samples), BATCH):
        part = samples.take(slice(start, start + BATCH))
        found = run_attack(settings, victim, part, threat, seed, draw)
        parts.append(found)
        report(f"{settings.name} at {threat.epsilon:.4g}", start + len(part), len(samples))
    return _joined(parts)


def _joined(parts: list[AttackResult]) -> AttackResult:
    names = ("images", "fooled", "prediction", "loss", "first_loss", "gradients", "zero_gradients")
    forward, backward = (sum(getattr(part.queries, way) for part in parts) for way in ("forward", "backward"))
    return AttackResult(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
        queries=Queries(forward, backward),
    )


def _outcome(
    settings: PixelAttack, threat: ThreatModel, found: AttackResult, clean: Judged, executed: Judged
) -> AttackOutcome:
    return AttackOutcome(
        settings=settings,
        threat=threat,
        images=found.images,
        executed=executed,
        success_rate=success_rate(clean.correct, executed.correct),
        strict_success_rate=success_rate(clean.strictly_correct, executed.strictly_correct),
        gradients=int(found.gradients.sum()),
        zero_gradients=int(found.zero_gradients.sum()),
        surprises=int((executed.record.prediction != found.prediction).sum()),
        queries=found.queries,
    )
