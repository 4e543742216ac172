"""What a suite of attacks leaves of a model under one threat model, in figures that say how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from lavarobust.attacks.audit import Audit
from lavarobust.attacks.campaign import MemberCount, Standing
from lavarobust.attacks.diagnosis import Diagnosis
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Suite
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.verdict import majority
from lavarobust.record import Record

CURVE = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Queries at which the curve of the attack by scores is told."""


@dataclass(frozen=True)
class Share:
    """Some of N samples.

    Attributes:
        count, of: how many of how many.
    """

    count: int
    of: int

    @property
    def value(self) -> float:
        """0 where there are none."""
        return self.count / max(self.of, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % confidence interval of the share among all that the samples stand for."""
        if self.of == 0:
            return 0.0, 1.0
        found = binomtest(self.count, self.of).proportion_ci(0.95, "wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.1%} ({low:.1%} to {high:.1%})"


@dataclass(frozen=True)
class MemberReport:
    """One attack of the suite.

    Attributes:
        name: with its budget of steps or queries, and the gradients it follows.
        knows: what its attacker knows of the model.
        counts: what it did.
    """

    name: str
    knows: str
    counts: MemberCount


@dataclass(frozen=True, eq=False)
class Robustness:
    """The outcome under one threat model.

    Attributes:
        threat: what the attacker may change.
        clean, robust: samples right without attack; right without and under every attack, each judged on
            its worst image. Of a model that draws, by a vote of draws that no attack has seen.
        first: samples right without attack and under the suite's first alone, judged as ``robust`` is.
        strict: like ``robust``, ties counted as wrong; as ``robust`` where a vote decides.
        success: of those right without attack, the ones that an attack fooled.
        members: in the order in which they ran.
        queries_curve: ``(queries, share robust)`` of all samples against the attack by scores alone, which
            ran last on what withstood the others; empty where none ran.
        differences: samples whose execution on the backend says otherwise than the simulator that the
            attacks asked; None of a model that draws.
        spikes, operations: executed per sample: clean, and on the worst images.
        diagnosis: whether to believe it.
        audit: Lava's execution of some of the worst images; None where none was asked for.
        images: ``(N, C, H, W)`` the worst found.
        decided: ``(N,)`` which member fooled the model; -1 robust, -2 wrong before.
    """

    threat: ThreatModel
    clean: Share
    robust: Share
    first: Share
    strict: Share
    success: Share
    members: tuple[MemberReport, ...]
    queries_curve: tuple[tuple[int, float], ...]
    differences: int | None
    spikes: tuple[float, float]
    operations: tuple[float, float]
    diagnosis: Diagnosis
    audit: Audit | None
    images: np.ndarray
    decided: np.ndarray

    @property
    def seconds(self) -> float:
        """Of all attacks, processes side by side counted one after the other."""
        return sum(member.counts.seconds for member in self.members)

    @property
    def executions(self) -> int:
        """Of single samples, by the attacks."""
        return sum(member.counts.queries.forward for member in self.members)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; without images."""
        shares = {
            name: {"count": share.count, "of": share.of, "value": share.value, "interval": share.interval}
            for name in ("clean", "robust", "first", "strict", "success")
            for share in (getattr(self, name),)
        }
        members = [
            {"attack": member.name, "knows": member.knows, **asdict(member.counts)} for member in self.members
        ]
        return {
            "norm": self.threat.norm,
            "epsilon": self.threat.epsilon,
            **shares,
            "members": members,
            "queries_curve": [list(point) for point in self.queries_curve],
            "differences": self.differences,
            "spikes": list(self.spikes),
            "operations": list(self.operations),
            "unreliable": self.diagnosis.unreliable,
            "diagnosis": self.diagnosis.as_dict(),
            "audit": None if self.audit is None else self.audit.as_dict(),
            "decided": self.decided.tolist(),
        }


def summarised(
    suite: Suite,
    threat: ThreatModel,
    samples: Samples,
    standing: Standing,
    clean: Sequence[Record],
    attacked: Sequence[Record],
    first: np.ndarray,
    diagnosis: Diagnosis,
    audit: Audit | None = None,
) -> Robustness:
    """Hold a finished standing against executions of the clean and of the worst images.

    Args:
        clean, attacked: executions, one per draw that judges; a single one decides alone.
        first: ``(N,)`` bool, right on what the first attack left.
    """
    right, after = (right_by_vote(records, samples.labels) for records in (clean, attacked))
    robust = right & after
    single = len(attacked) == 1
    untied = ~(clean[0].tied | attacked[0].tied) if single else np.ones_like(robust)
    seen = (standing.decided != -2) & standing.robust
    return Robustness(
        threat=threat,
        clean=_share(right),
        robust=_share(robust),
        first=_share(right & first),
        strict=_share(robust & untied),
        success=Share(int((right & ~after).sum()), int(right.sum())),
        members=tuple(
            MemberReport(member.name, member.knows, counts)
            for member, counts in zip(suite.members, standing.members, strict=True)
        ),
        queries_curve=_curve(standing),
        differences=int((robust != seen).sum()) if single else None,
        spikes=(_mean(clean, "spikes"), _mean(attacked, "spikes")),
        operations=(_mean(clean, "synops"), _mean(attacked, "synops")),
        diagnosis=diagnosis,
        audit=audit,
        images=standing.images,
        decided=standing.decided,
    )


def right_by_vote(records: Sequence[Record], labels: np.ndarray) -> np.ndarray:
    """``(N,)`` bool, whether most of the executions of the same images say their labels."""
    right: np.ndarray = majority(np.stack([record.prediction for record in records])) == labels
    return right


def _share(chosen: np.ndarray) -> Share:
    return Share(int(chosen.sum()), len(chosen))


def _curve(standing: Standing) -> tuple[tuple[int, float], ...]:
    """Samples that withstood the first q queries: the others' last attack was not that one."""
    tried = standing.asked >= 0
    if not tried.any():
        return ()
    fell_after = np.where(standing.robust, np.inf, standing.asked)
    most = int(standing.asked.max())
    points = [point for point in CURVE if point < most] + [most]
    return tuple((point, float((tried & (fell_after > point)).mean())) for point in points)


def _mean(records: Sequence[Record], count: str) -> float:
    """Per sample, all layers together."""
    totals = [sum(int(getattr(layer, count).sum()) for layer in each.layers) for each in records]
    return sum(totals) / sum(each.samples for each in records)
