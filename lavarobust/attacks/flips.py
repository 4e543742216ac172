"""Few changed entries per frame of an encoding: the Sparse Encoding Attack (Mukhoty et al., ICLR 2025).

To first order an entry z with the loss's gradient g gains ``(a - z) g`` when it is held at a. The best a
is the end of the entries' range that g points to (Eq. 5: 0 or 1 of ``rate`` and of events, -1 or 1 of
``signed_rate``, where an entry that moves by 2 so counts twice), and of every frame the entries that
gain most are taken (Eq. 6). Once, as published, or a few at a time with the gradient taken anew in
between; at one encoding that the attacker knows, or on the average of several that differ from the one
it will meet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding


@dataclass(frozen=True, eq=False)
class Flips:
    """Entries that an attacker holds at values of its own, whatever the encoder drew there.

    Attributes:
        chosen: bool, of the frames' shape ``(..., C, H, W)``.
        value: of that shape; read where chosen.
    """

    chosen: torch.Tensor
    value: torch.Tensor

    def applied(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames ``(..., C, H, W)`` with the chosen entries replaced, without gradient history."""
        return torch.where(self.chosen, self.value, frames.detach())


@dataclass(frozen=True, eq=False)
class Slope:
    """What is known about the loss where flips are sought.

    Attributes:
        gradient: ``(..., C, H, W)`` with respect to the entries, averaged over encodings.
        product: the entries times it, averaged likewise.
    """

    gradient: torch.Tensor
    product: torch.Tensor

    @classmethod
    def at(cls, frames: torch.Tensor, gradient: torch.Tensor) -> Slope:
        """At one encoding."""
        return cls(gradient, frames * gradient)


def lowest_entry(encoding: Encoding) -> int:
    """-1 or 0: the entries of a spiking encoding run from it to 1.

    Raises:
        SettingsError: an encoding whose entries are no spikes.
    """
    if encoding.kind == "signed_rate":
        return -1
    if not encoding.binary:
        raise SettingsError(
            f"sea: the encoding {encoding.kind} sends analog values, and flips are of spikes. Give rate, "
            "signed_rate or frames of one level"
        )
    return 0


def craft_flips(
    slope: Callable[[Flips, int], Slope], frames: torch.Tensor, lowest: int, budget: int, iterations: int = 1
) -> Flips:
    """At most ``budget`` entries of every frame whose change raises the loss to first order.

    Iteration i fills up to ``budget * (i + 1) // iterations`` and frees none; an entry that gains
    nothing is not taken, ties go to the first.

    Args:
        slope: of the flips so far and the number of the iteration.
        frames: ``(..., C, H, W)``, for shape and type.
        lowest: as :func:`lowest_entry` says.
        budget: entries per frame, k.
        iterations: gradients to take; 1 is the published attack.
    """
    flips = Flips(torch.zeros_like(frames, dtype=torch.bool), torch.zeros_like(frames))
    for iteration in range(iterations):
        here = slope(flips, iteration)
        value = torch.where(here.gradient > 0, 1.0, float(lowest)).to(frames)
        gain = (value * here.gradient - here.product).masked_fill(flips.chosen, 0)
        new = _largest(gain, flips.chosen, budget * (iteration + 1) // iterations)
        flips = Flips(flips.chosen | new, torch.where(new, value, flips.value))
    return flips


def _largest(gain: torch.Tensor, taken: torch.Tensor, most: int) -> torch.Tensor:
    """``(..., C, H, W)`` bool: every frame's largest positive gains, while fewer than ``most`` are taken."""
    flat = gain.flatten(-3)
    order = flat.argsort(dim=-1, descending=True, stable=True)[..., :most]
    room = most - taken.flatten(-3).sum(-1, keepdim=True)
    first = torch.arange(order.shape[-1], device=gain.device) < room
    chosen = torch.zeros_like(flat, dtype=torch.bool).scatter_(-1, order, first)
    return (chosen & (flat > 0)).view_as(gain)
