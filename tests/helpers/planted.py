"""A torch module as the target of an evaluation, its gradients by rule: maskers are planted with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from lavarobust.attacks import PGD, ExpectedVictim, NetworkVictim, Square, ThreatModel, Victim
from lavarobust.attacks.dispatch import run_attack
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import OTHER_MODEL, Member
from lavarobust.attacks.verdict import judge
from lavarobust.dynamics import GradientRule, Surrogate

TRIANGULAR = Surrogate()


@dataclass(frozen=True, eq=False)
class Planted:
    """Satisfies ``Attackable``.

    Attributes:
        module: the model; a rule of ``through`` sees its own instead, which must answer alike.
        other: from which images are transferred.
    """

    module: torch.nn.Module
    seed: int = 0
    expectation: int = 1
    votes: int = 1
    level: float | None = None
    recurrent: bool = False
    through: Mapping[GradientRule, torch.nn.Module] = field(default_factory=dict)
    other: torch.nn.Module | None = None

    def victim(self, rule: GradientRule = TRIANGULAR) -> NetworkVictim:
        return NetworkVictim(self.through.get(rule, self.module))

    def attacked(self, member: Member) -> Victim:
        if member.source == OTHER_MODEL:
            return ExpectedVictim(NetworkVictim(self.other), 1)
        victim = self.victim(member.rule or TRIANGULAR)
        asks_itself = isinstance(member.settings, Square) or not victim.stochastic
        return victim if asks_itself else ExpectedVictim(victim, self.expectation)


def withstood(target: Planted, samples: Samples, threat: ThreatModel) -> np.ndarray:
    """``(N,)`` bool: what an evaluation by PGD-20 alone calls robust."""
    member = Member(PGD(20), TRIANGULAR)
    found = run_attack(member.settings, target.attacked(member), samples, threat, target.seed)
    verdict = judge(target.victim(), replace(samples, images=found.images), target.votes, 1000)
    robust: np.ndarray = verdict.prediction == samples.labels
    return robust
