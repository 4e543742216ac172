"""Images that a suite found on the simulator, executed again on another backend: nothing may differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Protocol

import numpy as np

from lavarobust.attacks.campaign import ROBUST, WRONG_BEFORE, Target
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Suite
from lavarobust.attacks.verdict import FINAL_DRAWS
from lavarobust.attacks.words import attack_words
from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.execution import Backend, backend
from lavarobust.record import Record

WITHSTOOD = "withstood every attack"
_COUNTS = ("input_events", "synops", "synops_dense", "spikes", "wraps", "clips")


class Found(Protocol):
    """What a suite found of N samples, such as :class:`lavarobust.attacks.campaign.Standing`."""

    @property
    def images(self) -> np.ndarray:
        """``(N, C, H, W)``: what fooled the model, else what came closest to it."""
        ...

    @property
    def decided(self) -> np.ndarray:
        """``(N,)`` int64: which attack of the suite fooled the model, ``ROBUST`` or ``WRONG_BEFORE``."""
        ...


@dataclass(frozen=True)
class AuditRow:
    """The executed images that one attack decided.

    Attributes:
        attack: its name, or :data:`WITHSTOOD`.
        images: how many were executed.
        wrong: those that the backend classifies wrongly. Of a model that draws nothing these are all images
            of an attack, and none of those that withstood.
        predictions, scores, counts: images whose class, whose potential or spike count of any class, or
            whose counts of any layer and step are not the simulator's.
    """

    attack: str
    images: int
    wrong: int
    predictions: int
    scores: int
    counts: int


@dataclass(frozen=True)
class Audit:
    """A second execution of what a suite found.

    Attributes:
        model: its name.
        backend: that executed.
        found: images that there were to execute: of every sample that is right without attack.
        draw: of encoder and gates, the same on both sides.
        rows: in the suite's order, those that withstood last; only attacks of which an image was executed.
    """

    model: str
    backend: str
    found: int
    draw: int
    rows: tuple[AuditRow, ...]

    @property
    def images(self) -> int:
        """How many were executed."""
        return sum(row.images for row in self.rows)

    @property
    def differences(self) -> int:
        """Images that differ in class, scores or counts, each once per kind; 0 or there is a defect."""
        return sum(row.predictions + row.scores + row.counts for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        plain = asdict(self) | {"rows": [asdict(row) for row in self.rows]}
        return plain | {"images": self.images, "differences": self.differences}


def audit(
    target: Target,
    suite: Suite,
    samples: Samples,
    found: Found,
    engine: Backend,
    count: int | None = None,
    draw: int = FINAL_DRAWS,
) -> Audit:
    """Execute a suite's images on a backend and on the simulator, and compare all integers.

    Args:
        target: what was attacked.
        suite: what ran, which names the attacks.
        samples: N samples, clean.
        found: what was found of them; those that are wrong without attack have no image to audit.
        engine: e.g. ``lavarobust.execution.backend("lava")``.
        count: how many images, as many that fooled the model as withstood where there are so many;
            None for all. A sample's place in the choice is drawn by the target's seed and its index.
        draw: repetition of the encoder's and the gates' draws, where the model has any.

    Raises:
        SettingsError: a count below 1.
        BackendError: the backend can't run the model.
    """
    if count is not None and count < 1:
        raise SettingsError(f"an audit of {count} images. Give at least 1, or none for all.")
    chosen = chosen_images(samples.indices, found.decided, count, target.seed)
    rows: tuple[AuditRow, ...] = ()
    if len(chosen):
        part = replace(samples, images=found.images).take(chosen)
        deployment = target.deployment
        stimulus = encode(deployment.encoding, part.images, deployment.steps, part.indices, draw)
        executed, expected = (
            each.run(target.model, stimulus, deployment.readout) for each in (engine, backend("simulator"))
        )
        rows = _rows(suite, part.labels, found.decided[chosen], executed, expected)
    attacked = int((found.decided != WRONG_BEFORE).sum())
    return Audit(target.model.name, engine.name, attacked, draw, rows)


def chosen_images(indices: np.ndarray, decided: np.ndarray, count: int | None, seed: int) -> np.ndarray:
    """Positions, in order, of the images to execute.

    Args:
        indices: ``(N,)`` each sample's index in its data set, the key of its draw.
        decided: ``(N,)`` as :class:`Found` has it.
        count: how many at most, half of them fooling ones where there are so many; None for all.
        seed: of the draws.
    """
    if count is None:
        return np.flatnonzero(decided != WRONG_BEFORE)
    words = attack_words(indices, seed, "audit", 0, 1)[:, 0]
    order = np.lexsort((indices, words))
    fooling, robust = (order[kind[order]] for kind in (decided >= 0, decided == ROBUST))
    taken = min(len(fooling), max(count - count // 2, count - len(robust)))
    return np.sort(np.concatenate([fooling[:taken], robust[: count - taken]]))


def _rows(
    suite: Suite, labels: np.ndarray, decided: np.ndarray, executed: Record, expected: Record
) -> tuple[AuditRow, ...]:
    flags = {
        "wrong": executed.prediction != labels,
        "predictions": executed.prediction != expected.prediction,
        "scores": (executed.scores != expected.scores).any(axis=1),
        "counts": _differing_counts(executed, expected),
    }
    named = [(place, member.name) for place, member in enumerate(suite.members)]
    rows = []
    for place, name in (*named, (ROBUST, WITHSTOOD)):
        here = decided == place
        if here.any():
            sums = {flag: int(values[here].sum()) for flag, values in flags.items()}
            rows.append(AuditRow(name, int(here.sum()), **sums))
    return tuple(rows)


def _differing_counts(executed: Record, expected: Record) -> np.ndarray:
    """``(N,)`` bool: images of which any count of any layer in any step differs."""
    differ = np.zeros(executed.samples, dtype=bool)
    for ours, theirs in zip(executed.layers, expected.layers, strict=True):
        for name in _COUNTS:
            differ |= (getattr(ours, name) != getattr(theirs, name)).any(axis=1)
    return differ
