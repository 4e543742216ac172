"""A population's threshold and leak: one real number each, trained or not, and the device's integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch

from lavarobust.errors import SettingsError
from lavarobust.netx.limits import DECAY_UNITY, THRESHOLD_MAX
from lavarobust.netx.model import Reset
from lavarobust.snn.straight import straight_through

Training = Literal["fixed", "trained"]


@dataclass(frozen=True)
class NeuronOptions:
    """What all spiking neurons of a network have in common.

    Attributes:
        reset: ``hard`` clears the potential, as stock Lava does; ``soft`` takes the threshold off it
            (HIRE-SNN, and an option of robust conversion), which needs an extended file.
        threshold, leak: whether each population trains its own (Kundu et al. 2021; Ozdenizci &
            Legenstein 2024), or keeps what it was given.
        initial_leak: share of the potential that a step keeps, before training; 1 forgets nothing. A
            layer that names its own decay begins with that.
        least_threshold: what training does not fall below; 0.03 in robust conversion's code.

    Raises:
        SettingsError: an impossible leak or threshold.
    """

    reset: Reset = "hard"
    threshold: Training = "fixed"
    leak: Training = "fixed"
    initial_leak: float = 1.0
    least_threshold: float = 1e-3

    def __post_init__(self) -> None:
        if not 0 <= self.initial_leak <= 1:
            raise SettingsError(f"neuron initial_leak is {self.initial_leak}. Give a share from 0 to 1")
        if not 0 < self.least_threshold <= 1:
            raise SettingsError(
                f"neuron least_threshold is {self.least_threshold}. Give a number above 0 and up to 1"
            )


@dataclass(frozen=True, eq=False)
class DeviceScalars:
    """Threshold and leak as the device has them, and tensors of no axis that carry their gradients.

    Attributes:
        threshold: ``vThMant``.
        voltage_decay: ``vDecay``.
        threshold_tensor, keep_tensor: the mantissa, and the share of its potential that a step keeps;
            None for a population without scalars.
    """

    threshold: int
    voltage_decay: int
    threshold_tensor: torch.Tensor | None = None
    keep_tensor: torch.Tensor | None = None


class NeuronScalars(torch.nn.Module):
    """Parameters ``threshold``, in units of the layer's real drive, and ``leak``, both of no axis.

    Args:
        options: which of them train.
        leak: before training.
    """

    def __init__(self, options: NeuronOptions, leak: float) -> None:
        super().__init__()
        self.options = options
        self.threshold = torch.nn.Parameter(torch.tensor(1.0), requires_grad=options.threshold == "trained")
        self.leak = torch.nn.Parameter(torch.tensor(leak), requires_grad=options.leak == "trained")

    @torch.no_grad()
    def constrain(self) -> None:
        """Bring both back to what a neuron can have, as after a step of an optimiser."""
        self.threshold.clamp_(min=self.options.least_threshold)
        self.leak.clamp_(0.0, 1.0)

    def on_device(self, scale: float) -> DeviceScalars:
        """The integers of a layer of that many integer units per real unit, straight through.

        The mantissa is rounded down, which changes no decision of an integrate-and-fire neuron: its
        potential is whole, and exceeds a threshold if it exceeds the whole number below.
        """
        threshold = min(max(int(float(self.threshold.detach()) * scale), 1), THRESHOLD_MAX)
        decay = min(max(round((1 - float(self.leak.detach())) * DECAY_UNITY), 0), DECAY_UNITY)
        return DeviceScalars(
            threshold,
            decay,
            straight_through(self.threshold * scale, torch.full_like(self.threshold, threshold)),
            straight_through(self.leak, torch.full_like(self.leak, 1 - decay / DECAY_UNITY)),
        )
