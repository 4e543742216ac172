"""One thing that a reader of a model should know, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
Target = Literal["lava", "loihi1", "loihi2"]


@dataclass(frozen=True)
class Finding:
    """One thing to know about a model.

    Attributes:
        layer: name as ``Model.layer_name`` gives it, or ``"model"``.
        severity: ``error`` executes other integers than the file holds, or can't run; ``warning``
            is something the file says and the target doesn't do, or a doubt about the result;
            ``note`` is for information.
        problem: what is so.
        remedy: what the reader can do.
    """

    layer: str
    severity: Severity
    problem: str
    remedy: str
