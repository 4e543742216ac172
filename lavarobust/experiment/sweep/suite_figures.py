"""What suites of attacks found, gathered over shards and seeds, and what they leave of a row's claim."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lavarobust.experiment.sweep.results import Result


@dataclass(frozen=True)
class SuiteFigures:
    """A suite at one epsilon, on some images.

    Attributes:
        epsilon: in pixel units.
        images: how many.
        robust: right without attack and under all of it.
        first: right without attack and under the first attack alone, judged as ``robust`` is.
        fooled: by attack, in the order in which they ran, each on what withstood those before it.
        evaluations: that are added up here.
        unreliable: those whose diagnosis speaks against the figure.
        reasons: why, each once.
        differences, audited: of images that Lava executed too.
    """

    epsilon: float
    images: int
    robust: int
    first: int
    fooled: Mapping[str, int]
    evaluations: int
    unreliable: int
    reasons: tuple[str, ...]
    differences: int
    audited: int

    @property
    def decided_by(self) -> str:
        """The attack that fooled most of those that withstood the first one; empty where none fell."""
        later = list(self.fooled.items())[1:]
        name, most = max(later, key=lambda each: each[1], default=("", 0))
        return name if most else ""


def suite_of(result: Result) -> tuple[SuiteFigures, ...]:
    """By epsilon, that of one unit; empty where none ran.

    Raises:
        LookupError, TypeError, ValueError: a damaged result.
    """
    return tuple(_figures(each) for each in result.get("suite", ()))


def added(parts: Iterable[Sequence[SuiteFigures]]) -> tuple[SuiteFigures, ...]:
    """Those of disjoint images, or of several seeds, added up by epsilon.

    Raises:
        ValueError: they were attacked otherwise.
    """
    return tuple(_sum(each) for each in zip(*parts, strict=True))


def _figures(found: Mapping[str, Any]) -> SuiteFigures:
    audit = found["audit"] or {"differences": 0, "images": 0}
    fired = [check for check in found["diagnosis"]["checks"] if check["fired"]]
    return SuiteFigures(
        epsilon=found["epsilon"],
        images=found["robust"]["of"],
        robust=found["robust"]["count"],
        first=found["first"]["count"],
        fooled={member["attack"]: member["fooled"] for member in found["members"]},
        evaluations=1,
        unreliable=int(bool(found["unreliable"])),
        reasons=tuple(check["name"] for check in fired),
        differences=audit["differences"],
        audited=audit["images"],
    )


def _sum(parts: Sequence[SuiteFigures]) -> SuiteFigures:
    first = parts[0]
    if any((part.epsilon, list(part.fooled)) != (first.epsilon, list(first.fooled)) for part in parts):
        raise ValueError("its parts were attacked otherwise")

    def total(name: str) -> int:
        return sum(getattr(part, name) for part in parts)

    return SuiteFigures(
        epsilon=first.epsilon,
        images=total("images"),
        robust=total("robust"),
        first=total("first"),
        fooled={name: sum(part.fooled[name] for part in parts) for name in first.fooled},
        evaluations=total("evaluations"),
        unreliable=total("unreliable"),
        reasons=tuple(dict.fromkeys(reason for part in parts for reason in part.reasons)),
        differences=total("differences"),
        audited=total("audited"),
    )
