"""Training on attacked encodings (SEA training of Mukhoty et al., ICLR 2025)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from lavarobust.attacks.flips import Flips, Slope, craft_flips, lowest_entry
from lavarobust.attacks.network_victim import evaluating
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Batch, Loss, Objective
from lavarobust.training.refusals import check_at_least_one


@dataclass(frozen=True)
class SparseEncoding(Objective):
    """Encode, change at most k entries of every frame against the network, train on what came of it.

    The attack of :mod:`lavarobust.attacks.flips` knows the encoding, and sees the network in ``eval``
    mode.

    Attributes:
        flips: k, entries per frame.
        iterations: gradients of the attack; 1 is the published training.

    Raises:
        SettingsError: an impossible value; in training, an encoding that sends no spikes.
    """

    flips: int
    iterations: int = 1

    def __post_init__(self) -> None:
        check_at_least_one("sea", "flips", self.flips)
        check_at_least_one("sea", "iterations", self.iterations)

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss, on the attacked encoding."""
        frames = network.encoded(batch.images, batch.indices, batch.draw()).detach()

        def slope(flips: Flips, iteration: int) -> Slope:
            here = flips.applied(frames).requires_grad_()
            logits = network.response(here, batch.indices, batch.draw(iteration + 1)).logits
            loss = F.cross_entropy(logits, batch.labels, reduction="sum")
            return Slope.at(here.detach(), torch.autograd.grad(loss, here)[0])

        lowest = lowest_entry(network.encoding)
        with evaluating(network):
            found = craft_flips(slope, frames, lowest, self.flips, self.iterations)
        logits = network.response(found.applied(frames), batch.indices, batch.draw()).logits
        yield Loss(F.cross_entropy(logits, batch.labels), logits)
