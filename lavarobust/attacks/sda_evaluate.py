"""How few flips of a model's binary input suffice, judged where the integers are executed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.evaluate import BATCH, Progress
from lavarobust.attacks.result import Judged, success_rate
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.sda import SDA, SparseResult, attack_sparsely, check_binary
from lavarobust.attacks.victim import Queries
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.encoding import encode
from lavarobust.execution import Backend
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model


@dataclass(frozen=True, eq=False)
class SparseOutcome:
    """SDA, crafted on the simulator's gradients and executed on a backend.

    Attributes:
        settings: what was run.
        found: of N samples.
        clean, executed: the backend's execution without the flips and with them.
        success_rate: share of the samples right without attack that are wrong with it; 0 if there are none.
        surprises: samples whose executed verdict differs from the one the attack saw; 0 where simulator
            and backend agree, as they must.
    """

    settings: SDA
    found: SparseResult
    clean: Judged
    executed: Judged
    success_rate: float
    surprises: int


def evaluate_sparsely(
    model: Model,
    deployment: Deployment,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    backend: Backend,
    settings: SDA = SDA(),  # noqa: B008 (it is frozen)
    rule: GradientRule = Surrogate(),  # noqa: B008
    seed: int = 0,
    draw: int = 0,
    progress: Progress | None = None,
) -> SparseOutcome:
    """Flip as few entries of a model's input as it takes, and execute what was found.

    Args:
        model, deployment, images, labels, indices, backend, rule, draw, progress: as
            :func:`lavarobust.attacks.evaluate` has them.
        settings: how flips are sought.
        seed: key of what stands in for zero gradients.

    Raises:
        SettingsError: an encoding with other entries than 0 and 1.
        DataError, BackendError: as :func:`lavarobust.attacks.evaluate`.
    """
    check_binary(deployment.encoding)
    samples = checked_samples(images, labels, indices)
    victim = EncodingVictim(model, deployment, rule)
    report = progress or (lambda what, done, total: None)
    stimulus = encode(deployment.encoding, samples.images, deployment.steps, samples.indices, draw)
    clean = Judged(backend.run(model, stimulus, deployment.readout), samples.labels)
    parts = []
    for start in range(0, len(samples), BATCH):
        part = samples.take(slice(start, start + BATCH))
        parts.append(attack_sparsely(settings, victim, part.images, part.labels, part.indices, seed, draw))
        report(settings.name, start + len(part), len(samples))
    found = _joined(parts)
    frames = np.ascontiguousarray(np.moveaxis(found.frames, 1, -1), dtype=np.int32)
    record = backend.run(model, replace(stimulus, frames=frames), deployment.readout)
    executed = Judged(record, samples.labels)
    seen = found.right & ~found.fooled
    return SparseOutcome(
        settings=settings,
        found=found,
        clean=clean,
        executed=executed,
        success_rate=success_rate(clean.correct, executed.correct),
        surprises=int((executed.correct != seen).sum()),
    )


def _joined(parts: Sequence[SparseResult]) -> SparseResult:
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("frames", "flips", "right", "fooled")
    }
    return SparseResult(
        **arrays,
        gradients=sum(part.gradients for part in parts),
        zero_gradients=sum(part.zero_gradients for part in parts),
        queries=Queries(
            sum(part.queries.forward for part in parts), sum(part.queries.backward for part in parts)
        ),
    )
