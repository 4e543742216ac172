"""What a diagnosis needs to know of a model and of how it was attacked."""

from __future__ import annotations

from typing import Protocol

from lavarobust.attacks.suites import Member
from lavarobust.attacks.victim import Victim
from lavarobust.dynamics import GradientRule


class Attackable(Protocol):
    """What is diagnosed: see :class:`lavarobust.attacks.campaign.Target`."""

    @property
    def seed(self) -> int: ...

    @property
    def expectation(self) -> int: ...

    @property
    def votes(self) -> int: ...

    @property
    def level(self) -> float | None:
        """Distance of the input levels that pixels are rounded to; None where they are not."""
        ...

    @property
    def recurrent(self) -> bool:
        """Whether gradients go back through surrogates alone."""
        ...

    @property
    def other(self) -> object | None:
        """Another model of the same task; None for none."""
        ...

    def victim(self, rule: GradientRule) -> Victim:
        """The model, one draw at a time."""
        ...

    def attacked(self, member: Member) -> Victim:
        """What an attack of the evaluation asks."""
        ...
