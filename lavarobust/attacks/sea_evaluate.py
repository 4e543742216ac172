"""Robustness of a deployed model to flips of its encoding, judged where it is executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.evaluate import BATCH, Progress
from lavarobust.attacks.flips import lowest_entry
from lavarobust.attacks.result import Judged, success_rate
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.sea import SEA, FlipBudget, FlipResult, attack_encoding
from lavarobust.attacks.victim import Queries
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.execution import Backend
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model


@dataclass(frozen=True, eq=False)
class FlipOutcome:
    """One attack on the encoding, crafted on the simulator's gradients and executed on the backend.

    Attributes:
        settings, budget: what was run.
        frames: ``(N, T, C, H, W)`` int8, what was executed.
        executed: its execution.
        success_rate: share of the samples right without attack that are wrong with it; 0 if there are none.
        gradients, zero_gradients: how many were computed, and how many of those were zero in every entry.
        surprises: samples whose executed prediction differs from the one the attack saw; 0 where
            simulator and backend agree, as they must.
        queries: executions of single samples that the attack took.
    """

    settings: SEA
    budget: FlipBudget
    frames: np.ndarray
    executed: Judged
    success_rate: float
    gradients: int
    zero_gradients: int
    surprises: int
    queries: Queries

    @property
    def zero_gradient_share(self) -> float:
        """Share of zero gradients; a high one may mean that the attack failed. 0 if none ran."""
        return self.zero_gradients / max(self.gradients, 1)


def evaluate_flips(
    model: Model,
    deployment: Deployment,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    backend: Backend,
    attacks: Sequence[SEA],
    budgets: Sequence[FlipBudget],
    rule: GradientRule = Surrogate(),  # noqa: B008
    draw: int = 0,
    progress: Progress | None = None,
    clean: Judged | None = None,
) -> tuple[FlipOutcome, ...]:
    """Attack the encoding of a model's executed integers, and execute what the attacks found.

    Args:
        model, deployment, images, labels, indices, backend, rule, draw, progress: as
            :func:`lavarobust.attacks.evaluate` has them.
        attacks: each is run with each budget.
        budgets: flips per frame.
        clean: that backend's execution of the clean images in that draw; None executes them here.

    Returns:
        an outcome per budget and attack, in the order asked for.

    Raises:
        SettingsError: an encoding that sends no spikes.
        DataError, BackendError, ThreatModelError: as :func:`lavarobust.attacks.evaluate`.
    """
    lowest_entry(deployment.encoding)
    if not attacks or not budgets:
        raise SettingsError("an evaluation needs at least one attack and one budget of flips.")
    samples = checked_samples(images, labels, indices)
    victim = EncodingVictim(model, deployment, rule)
    report = progress or (lambda what, done, total: None)
    stimulus = encode(deployment.encoding, samples.images, deployment.steps, samples.indices, draw)
    if clean is None:
        clean = Judged(backend.run(model, stimulus, deployment.readout), samples.labels)
    right = clean.correct

    def outcome(settings: SEA, budget: FlipBudget) -> FlipOutcome:
        what, parts = f"{settings.name} with {budget.flips} flips", []
        for start in range(0, len(samples), BATCH):
            part = samples.take(slice(start, start + BATCH))
            parts.append(
                attack_encoding(settings, victim, part.images, part.labels, part.indices, budget, draw)
            )
            report(what, start + len(part), len(samples))
        found = _joined(parts)
        frames = np.ascontiguousarray(np.moveaxis(found.frames, 1, -1), dtype=np.int32)
        record = backend.run(model, replace(stimulus, frames=frames), deployment.readout)
        executed = Judged(record, samples.labels)
        return FlipOutcome(
            settings=settings,
            budget=budget,
            frames=found.frames,
            executed=executed,
            success_rate=success_rate(right, executed.correct),
            gradients=found.gradients,
            zero_gradients=found.zero_gradients,
            surprises=int((record.prediction != found.prediction).sum()),
            queries=found.queries,
        )

    return tuple(outcome(settings, budget) for budget in budgets for settings in attacks)


def _joined(parts: Sequence[FlipResult]) -> FlipResult:
    return FlipResult(
        frames=np.concatenate([part.frames for part in parts]),
        prediction=np.concatenate([part.prediction for part in parts]),
        gradients=sum(part.gradients for part in parts),
        zero_gradients=sum(part.zero_gradients for part in parts),
        queries=Queries(
            sum(part.queries.forward for part in parts), sum(part.queries.backward for part in parts)
        ),
    )
