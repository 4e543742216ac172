"""Any attack on pixels by its settings, with one kind of result."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.attacks.autoattack import STANDARD, AutoVictim, autoattack
from lavarobust.attacks.gradient_attacks import attack
from lavarobust.attacks.hop_skip_jump import HopSkipJump, hop_skip_jump
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.search import AttackResult
from lavarobust.attacks.settings import AttackSettings
from lavarobust.attacks.square import Square, square
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Victim
from lavarobust.errors import SettingsError


@dataclass(frozen=True)
class AutoAttack:
    """The reference implementation of AutoAttack's standard version; see :func:`autoattack`."""

    @property
    def name(self) -> str:
        return f"AutoAttack ({', '.join(STANDARD)})"


PixelAttack = AttackSettings | Square | HopSkipJump | AutoAttack


def run_attack(
    settings: PixelAttack,
    victim: Victim,
    samples: Samples,
    threat: ThreatModel,
    seed: int = 0,
    draw: int = 0,
) -> AttackResult:
    """Run one attack on samples.

    Args:
        seed: key of the attack's draws.
        draw: which repetition of the victim's own draws is attacked.

    Raises:
        DataError, SettingsError, MissingPackageError: as the attack itself.
    """
    arrays = (samples.images, samples.labels, samples.indices)
    if isinstance(settings, Square):
        return square(victim, *arrays, threat, settings, seed, draw)
    if isinstance(settings, HopSkipJump):
        return hop_skip_jump(victim, *arrays, threat, settings, seed, draw)
    if isinstance(settings, AutoAttack):
        return _autoattack(victim, samples, threat, seed, draw)
    return attack(settings, victim, *arrays, threat, seed, draw)


def _autoattack(victim: Victim, samples: Samples, threat: ThreatModel, seed: int, draw: int) -> AttackResult:
    if not isinstance(victim, AutoVictim):
        raise SettingsError(
            f"{victim.name}: AutoAttack needs a victim that draws nothing, or the MeanVictim of one."
        )
    found = autoattack(victim, samples.images, samples.labels, samples.indices, threat, seed=seed, draw=draw)
    nothing = np.zeros(len(samples), dtype=np.int64)
    return AttackResult(
        images=found.images,
        fooled=found.fooled,
        prediction=found.prediction,
        loss=found.loss,
        first_loss=np.full(len(samples), -np.inf),
        gradients=nothing,
        zero_gradients=nothing.copy(),
        queries=found.queries,
    )
