"""From the activations of an analog network to the thresholds of the spiking one.

Layer after layer, from the input on: the layers in front already spike with the thresholds they were
given, and a layer's threshold is a high percentile of what then drives its neurons in a step (not of
what they accumulate). Every threshold is scaled down at the end, so that few steps are enough to spike
(Rathi & Roy 2021, whose code HIRE-SNN starts from; Ozdenizci & Legenstein 2024).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Literal

import numpy as np
import torch

from lavarobust.errors import SettingsError
from lavarobust.snn.block import Block
from lavarobust.snn.network import SpikingNetwork
from lavarobust.snn.scalars import NeuronScalars
from lavarobust.snn.signal import Signal

ImageBatch = tuple[torch.Tensor, np.ndarray]
"""Images ``(N, C, H, W)`` and their ``(N,)`` indices in the data set."""

_Sent = tuple[Signal, ...]
"""What a block sends, batch by batch."""


@dataclass(frozen=True)
class Calibration:
    """How thresholds are found.

    Attributes:
        percentile: of the drive of all neurons of a layer; 99.7 in both papers' code.
        taken_over: ``step``: of each step, the largest of which counts (HIRE-SNN's ancestor), or
            ``batch``: of all steps together (robust conversion). The largest of all batches counts.
        steps: of the window in which the drive is watched.
        scaling: factor on every threshold at the end.
        second: of the two populations of a wide residual block, the second has its ``own`` threshold, or
            as ``published`` at least the first one's: the released code goes on taking the first one's
            percentile while it collects the second's (``TUG: main_train.py``, ``wrn_find``).

    Raises:
        SettingsError: an impossible value.
    """

    percentile: float = 99.7
    taken_over: Literal["step", "batch"] = "batch"
    steps: int = 100
    scaling: float = 0.3
    second: Literal["own", "published"] = "own"

    def __post_init__(self) -> None:
        if not 0 < self.percentile <= 100:
            raise SettingsError(f"calibration: percentile is {self.percentile}. Give above 0 and up to 100")
        if self.steps < 1:
            raise SettingsError(f"calibration: steps is {self.steps}. Give at least 1")
        if not self.scaling > 0:
            raise SettingsError(f"calibration: scaling is {self.scaling}. Give a number above 0")


@torch.no_grad()
def calibrate(
    network: SpikingNetwork, batches: Sequence[ImageBatch], settings: Calibration
) -> tuple[float, ...]:
    """Give every spiking block the threshold that its drive asks for; returns them, scaled.

    Batch norms take the statistics of each batch and its steps together, as they have none of their own
    after a conversion; those that the network trains on begin anew afterwards.

    Args:
        network: whose weights come from its analog network.
        batches: images of the training set.

    Raises:
        SettingsError: a layer that nothing drives above zero.
    """
    network.train()
    found: list[NeuronScalars] = []
    seconds = (
        second
        for block, second in zip(network.stack, network.second_in_block, strict=True)
        if block.scalars is not None
    )

    def visit(block: Block, arriving: _Sent, beside: _Sent | None) -> _Sent:
        if block.scalars is not None:
            drives = (block.drive(one.frames, one.units, other) for one, other in _pairs(arriving, beside))
            threshold = max(drive_percentile(drive, settings) for drive in drives)
            if not threshold > 0:
                raise SettingsError(
                    f"calibration: nothing drives block {len(found)} above zero, so it can have no "
                    "threshold. Train the analog network for longer, or at a lower learning rate"
                )
            if settings.second == "published" and next(seconds):
                threshold = max(threshold, float(found[-1].threshold))
            block.scalars.threshold.fill_(threshold)
            found.append(block.scalars)
        return tuple(_run(block, one, other, settings.steps) for one, other in _pairs(arriving, beside))

    first = tuple(Signal(network.encoded(*batch, steps=settings.steps)) for batch in batches)
    network.walk(first, visit)
    for block in network.stack:
        block.forget_statistics()
    for scalars in found:
        scalars.threshold.mul_(settings.scaling)
    return tuple(float(scalars.threshold) for scalars in found)


def drive_percentile(drive: torch.Tensor, settings: Calibration) -> float:
    """What one batch's drive ``(F, N, *shape)`` says of a threshold, interpolated as numpy does."""
    parts = drive.cpu().double().numpy()
    if settings.taken_over == "batch":
        parts = parts[None]
    return max(float(np.percentile(part, settings.percentile)) for part in parts)


def _pairs(arriving: _Sent, beside: _Sent | None) -> Iterator[tuple[Signal, Signal | None]]:
    """What reaches a block and what its shortcut brings, batch by batch."""
    return zip(map(_unpacked, arriving), map(_unpacked, beside) if beside else repeat(None), strict=False)


def _run(block: Block, arriving: Signal, beside: Signal | None, steps: int) -> Signal:
    """What a block sends in a window; spikes take a byte each until they are read."""
    trajectory, parameters = block.run(arriving.frames, steps, units=arriving.units, beside=beside)
    units = block.sent_units(parameters)
    return Signal(trajectory.spikes.to(torch.uint8) if block.settings.spiking else trajectory.spikes, units)


def _unpacked(signal: Signal) -> Signal:
    return Signal(signal.frames.float(), signal.units)
