"""What an evaluation found: counted on the executed model, per attack and as the worst of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.attacks.dispatch import PixelAttack
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Queries
from lavarobust.dynamics import GradientRule
from lavarobust.record import Record


@dataclass(frozen=True, eq=False)
class Judged:
    """One execution of N samples held against their labels.

    Attributes:
        record: the execution, with the counts that price it.
        labels: ``(N,)`` int64.
    """

    record: Record
    labels: np.ndarray

    @property
    def correct(self) -> np.ndarray:
        """``(N,)`` bool, ties going to the lowest class index."""
        correct: np.ndarray = self.record.prediction == self.labels
        return correct

    @property
    def strictly_correct(self) -> np.ndarray:
        """``(N,)`` bool, a tie counting as wrong."""
        return self.correct & ~self.record.tied

    @property
    def accuracy(self) -> float:
        return float(self.correct.mean())

    @property
    def strict_accuracy(self) -> float:
        """Accuracy with ties counted as wrong."""
        return float(self.strictly_correct.mean())

    @property
    def tie_share(self) -> float:
        return float(self.record.tied.mean())


def success_rate(before: np.ndarray, after: np.ndarray) -> float:
    """Of the samples right before ``(N,)`` bool, the share that is wrong after; 0 if there are none."""
    return float((before & ~after).sum() / max(int(before.sum()), 1))


@dataclass(frozen=True, eq=False)
class AttackOutcome:
    """One attack, crafted on the simulator's gradients and executed on the backend.

    Attributes:
        settings, threat: what was run.
        images: ``(N, C, H, W)`` float32 adversarial images.
        executed: their execution.
        success_rate: share of the samples right without attack that are wrong with it; 0 if there are none.
        strict_success_rate: the same with ties counted as wrong, before and after.
        gradients, zero_gradients: how many were computed, and how many of those were zero in every pixel.
        surprises: samples whose executed prediction differs from the one the attack saw; 0 where
            simulator and backend agree, as they must.
        queries: executions of single samples that the attack took.
    """

    settings: PixelAttack
    threat: ThreatModel
    images: np.ndarray
    executed: Judged
    success_rate: float
    strict_success_rate: float
    gradients: int
    zero_gradients: int
    surprises: int
    queries: Queries

    @property
    def zero_gradient_share(self) -> float:
        """Share of zero gradients; a high one may mean that the attack failed. 0 if none ran."""
        return self.zero_gradients / max(self.gradients, 1)


@dataclass(frozen=True, eq=False)
class RobustnessResult:
    """Clean and attacked accuracy of one model on one backend.

    Attributes:
        model, backend: names; every figure belongs to both.
        rule: of the attacker's gradients.
        seed: key of the attacks' draws.
        draw: which repetition of the encoder's draws was attacked and executed.
        indices: ``(N,)`` of the samples in their data set.
        clean: execution of the clean images.
        outcomes: one per threat model and attack, in the order asked for.
    """

    model: str
    backend: str
    rule: GradientRule
    seed: int
    draw: int
    indices: np.ndarray
    clean: Judged
    outcomes: tuple[AttackOutcome, ...]

    @property
    def threats(self) -> tuple[ThreatModel, ...]:
        return tuple(dict.fromkeys(outcome.threat for outcome in self.outcomes))

    def robust(self, threat: ThreatModel) -> np.ndarray:
        """``(N,)`` bool: right without attack and under every attack of that threat model."""
        return np.logical_and.reduce([judged.correct for judged in self._judged(threat)])

    def strictly_robust(self, threat: ThreatModel) -> np.ndarray:
        """``(N,)`` bool: the same with ties counted as wrong."""
        return np.logical_and.reduce([judged.strictly_correct for judged in self._judged(threat)])

    def robust_accuracy(self, threat: ThreatModel) -> float:
        """Accuracy under the worst of the attacks, chosen per sample."""
        return float(self.robust(threat).mean())

    def strict_robust_accuracy(self, threat: ThreatModel) -> float:
        """The same with ties counted as wrong."""
        return float(self.strictly_robust(threat).mean())

    def _judged(self, threat: ThreatModel) -> list[Judged]:
        return [self.clean] + [outcome.executed for outcome in self.outcomes if outcome.threat == threat]
