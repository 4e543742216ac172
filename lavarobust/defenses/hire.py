"""HIRE-SNN: training on noise that is crafted along with it (Kundu, Pedram & Beerel, ICCV 2021).

A batch is seen in N periods of floor(T / N) steps, each from rest and each with an update of its own
(Algorithm 1). The noise on the pixels climbs with the gradient that the update leaves behind (Eq. 6)::

    noise <- clip(noise + step * sign(gradient), -limit, limit)

and is carried on into the next period and the next batch, although the images there are others. What
the paper leaves open is decided so: noise lives in raw pixels, and noisy pixels are cut to [0, 1];
a smaller last batch takes and updates the first rows of the noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F

from lavarobust.errors import SettingsError
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.carried import CarriedNoise, stepped
from lavarobust.training.objective import Batch, Loss, Objective

NoiseKind = Literal["crafted", "gaussian"]


@dataclass(eq=False)
class PeriodicNoise(Objective):
    """Cross-entropy of the summed output, once a period, under carried noise.

    Attributes:
        periods: N, updates a batch; T / N steps, rounded down, go into each.
        epsilon: eps_s and eps_t, the noise's step and limit in pixel units; 0 is training without noise.
        noise_kind: ``crafted`` as above, or ``gaussian``: fresh noise of standard deviation epsilon
            in its place (the paper's ablation).

    Raises:
        SettingsError: an impossible value; in training, periods of less than a step.
    """

    periods: int = 2
    epsilon: float = 0.013
    noise_kind: NoiseKind = "crafted"
    _noise: CarriedNoise = field(default_factory=CarriedNoise, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.periods < 1:
            raise SettingsError(f"hire: periods is {self.periods}. Give at least 1")
        if not 0 <= self.epsilon <= 1:
            raise SettingsError(f"hire: epsilon is {self.epsilon}. Give a number from 0 to 1")

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss per period; behind each, the noise takes its step."""
        steps = network.steps // self.periods
        if steps < 1:
            raise SettingsError(
                f"hire: {network.steps} steps can't be cut into {self.periods} periods. Give fewer periods"
            )
        noise = self._noise.rows(batch.images)
        for period in range(self.periods):
            if self.noise_kind == "gaussian":
                drawn = torch.randn(batch.images.shape, generator=batch.generator)
                noise.copy_(self.epsilon * drawn)
            noisy = (batch.images + noise).clamp(0, 1).requires_grad_()
            logits = network(noisy, batch.indices, batch.draw(period), steps=steps)
            if network.readout == "membrane":
                logits = logits * steps  # the papers' readout is the sum over a window, not its mean
            yield Loss(F.cross_entropy(logits, batch.labels), logits)
            if self.noise_kind == "crafted":
                assert noisy.grad is not None, "the loop goes back through every loss"
                noise.copy_(stepped(noise, noisy.grad, self.epsilon, self.epsilon))

    def state(self) -> Mapping[str, torch.Tensor]:
        """The carried noise."""
        return self._noise.state()

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue with the noise that :meth:`state` gave."""
        self._noise.restore(state)
