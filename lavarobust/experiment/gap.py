"""The gap between a network and the integers it is deployed as, on attacked images, in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from lavarobust.attacks.dispatch import PixelAttack, run_attack
from lavarobust.attacks.integer_victim import IntegerVictim
from lavarobust.attacks.network_victim import NetworkVictim
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Victim
from lavarobust.data import Images
from lavarobust.execution import Backend
from lavarobust.experiment.network_scores import network_scores
from lavarobust.experiment.plan import execute
from lavarobust.experiment.stages import DeployedRun, differing
from lavarobust.experiment.train import torch_threads
from lavarobust.record import decide

NOWHERE, INTEGERS, FLOAT_TWIN = "", "executed integers", "float twin"
"""What images were crafted on: :attr:`GapRow.crafted_on`."""


@dataclass(frozen=True)
class GapRow:
    """The same images at every stage of a run.

    Attributes:
        images: ``clean``, or the attack.
        crafted_on: whose gradients made them.
        float_accuracy, slayer_accuracy, executed_accuracy: shares, 0..1, on the float network, SLAYER's
            quantised forward and the executed integers.
        slayer_differences: images on which SLAYER's scores are not the executed ones; 0 or there is a defect.
        transferred: of the samples that fell where the images were crafted, the share that falls on the other
            side too; samples count that float network and integers both have right without attack. None
            where none fell, and for clean images.
    """

    images: str
    crafted_on: str
    float_accuracy: float
    slayer_accuracy: float
    executed_accuracy: float
    slayer_differences: int
    transferred: float | None


@dataclass(frozen=True)
class Gap:
    """What attacks on one side of the road do on the other.

    Attributes:
        name: of the run.
        backend: that executed the integers.
        samples: N, in every row.
        threat: the bound of every attack, in words.
        rows: clean, then each attack crafted on the integers, then on the float network.
    """

    name: str
    backend: str
    samples: int
    threat: str
    rows: tuple[GapRow, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self) | {"rows": [asdict(row) for row in self.rows]}


def float_twin(run: DeployedRun) -> NetworkVictim:
    """The float network of a run as a victim, with the gradients that it trains with."""
    network = run.network

    def logits(images: torch.Tensor, indices: np.ndarray, draw: int) -> torch.Tensor:
        return network.activity(images, indices, draw, quantised=False).logits

    return NetworkVictim(network, logits, f"{run.recipe.name} in float")


def gap(
    run: DeployedRun,
    images: Images,
    attacks: Sequence[PixelAttack],
    threat: ThreatModel,
    engine: Backend,
    seed: int = 0,
    found: Mapping[str, np.ndarray] | None = None,
) -> Gap:
    """Craft images on the executed integers and on the float network, and show each to both.

    The surrogate is the run's own on both sides; encoder and gates draw the same in attack and verdict.

    Args:
        run: a finished, exported run.
        images: N clean images.
        attacks: each is run twice, once on either side.
        threat: what may be changed.
        engine: executes the integers.
        seed: key of the attacks' draws.
        found: by name, more images ``(N, C, H, W)`` of these samples that were crafted on the integers, such
            as a suite's worst.

    Raises:
        DataError, SettingsError, BackendError: as the attacks, victims and backends.
    """
    integers = IntegerVictim(run.model, run.plan.as_deployment(run.model), run.surrogate)
    with torch_threads(run.recipe.threads):
        sets = [("clean", NOWHERE, images.images)]
        sets += _crafted(attacks, integers, INTEGERS, images, threat, seed)
        sets += [(name, INTEGERS, found_images) for name, found_images in (found or {}).items()]
        sets += _crafted(attacks, float_twin(run), FLOAT_TWIN, images, threat, seed)
        seen = [_Seen.of(run, Images(pixels, images.labels, images.indices), engine) for _, _, pixels in sets]
    right = seen[0].floating & seen[0].executed
    rows = tuple(
        GapRow(
            name,
            origin,
            float(each.floating.mean()),
            float(each.slayer.mean()),
            float(each.executed.mean()),
            each.slayer_differences,
            _transferred(right, each, origin),
        )
        for (name, origin, _), each in zip(sets, seen, strict=True)
    )
    return Gap(run.recipe.name, engine.name, images.samples, str(threat), rows)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Which of N images ``(N,)`` bool each stage has right."""

    floating: np.ndarray
    slayer: np.ndarray
    executed: np.ndarray
    slayer_differences: int

    @classmethod
    def of(cls, run: DeployedRun, images: Images, engine: Backend) -> _Seen:
        record = execute(engine, run.model, run.plan, images.images, images.indices)
        slayer = network_scores(run.network, images)
        floating = network_scores(run.network, images, quantised=False)
        return cls(
            decide(floating)[0] == images.labels,
            decide(slayer)[0] == images.labels,
            record.prediction == images.labels,
            differing(slayer, record.scores),
        )


def _crafted(
    attacks: Sequence[PixelAttack],
    victim: Victim,
    origin: str,
    images: Images,
    threat: ThreatModel,
    seed: int,
) -> list[tuple[str, str, np.ndarray]]:
    samples = checked_samples(images.images, images.labels, images.indices)
    return [(each.name, origin, run_attack(each, victim, samples, threat, seed).images) for each in attacks]


def _transferred(right: np.ndarray, seen: _Seen, origin: str) -> float | None:
    if origin == NOWHERE:
        return None
    here, there = (seen.executed, seen.floating) if origin == INTEGERS else (seen.floating, seen.executed)
    fell = right & ~here
    return float((~there[fell]).mean()) if fell.any() else None
