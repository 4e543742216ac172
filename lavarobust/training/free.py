"""Free adversarial training: one backward pass for weights and attack (Shafahi et al., NeurIPS 2019)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.carried import CarriedNoise, stepped
from lavarobust.training.objective import Batch, Loss, Objective
from lavarobust.training.refusals import check_at_least_one, check_epsilon


@dataclass(eq=False)
class Free(Objective):
    """Every batch is replayed m times, and each update's own gradient moves the perturbation (Algorithm 1).

    ``delta <- clip(delta + epsilon * sign(gradient), -epsilon, epsilon)``; it is carried on into the
    next replay and the next batch. So an epoch costs m of standard training: give as many times fewer.
    Images with the perturbation are cut to [0, 1].

    Attributes:
        epsilon: step and limit of the perturbation, in pixel units.
        replays: m.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    replays: int = 4
    _noise: CarriedNoise = field(default_factory=CarriedNoise, init=False, repr=False)

    def __post_init__(self) -> None:
        check_epsilon("free", self.epsilon)
        check_at_least_one("free", "replays", self.replays)

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss per replay; behind each, the perturbation takes its step."""
        noise = self._noise.rows(batch.images)
        for replay in range(self.replays):
            shifted = (batch.images + noise).clamp(0, 1).requires_grad_()
            logits = network(shifted, batch.indices, batch.draw(replay))
            yield Loss(F.cross_entropy(logits, batch.labels), logits)
            assert shifted.grad is not None, "the loop goes back through every loss"
            noise.copy_(stepped(noise, shifted.grad, self.epsilon, self.epsilon))

    def state(self) -> Mapping[str, torch.Tensor]:
        """The carried perturbation."""
        return self._noise.state()

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Continue with the perturbation that :meth:`state` gave."""
        self._noise.restore(state)
