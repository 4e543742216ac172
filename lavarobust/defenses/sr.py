"""SR: sparse input gradients by a finite difference (Liu et al., ICML 2024; ``utils.py``, ``train_reg``).

For logits z of a sample of class y, and its strongest rival j on the unshifted input::

    f(x) = exp(z_y) / (exp(z_y) + exp(z_j))
    v    = sign(gradient of f),  a constant
    d    = (f(x + h v) - f(x)) / h
    loss = cross-entropy + lambda * mean of d^2

To first order d is the gradient's l1 norm, which stands in for its l0 norm, the number of pixels that
matter; the paper bounds with it the gap between accuracy on random and on adversarial images. Both
passes train, gradients reach the weights through both, and x + h v is not cut to [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from lavarobust.encoding.straight_through import encode_shifted
from lavarobust.errors import SettingsError
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Batch, CrossEntropy, Loss, Objective


def strongest_rival(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """``(N,)`` the class of the largest logit ``(N, classes)`` but the label's."""
    return logits.detach().scatter(1, labels[:, None], float("-inf")).argmax(1)


def pair_probability(logits: torch.Tensor, labels: torch.Tensor, rivals: torch.Tensor) -> torch.Tensor:
    """``(N,)`` the softmax over label and rival alone: the sigmoid of their margin."""
    own, other = (logits.gather(1, classes[:, None])[:, 0] for classes in (labels, rivals))
    return torch.sigmoid(own - other)


@dataclass(frozen=True)
class SparseGradients(Objective):
    """A cross-entropy objective with SR's regulariser on the very images that it trains on.

    Both passes take the same draws of encoder and gates: d is the slope of one function. The shift of
    an analog encoding stays behind its rounding, where the published code has none.

    Attributes:
        objective: gives the images; adversarial ones make it the paper's SR with adversarial training.
        weight: lambda.
        step: h, in pixel units.

    Raises:
        SettingsError: an impossible value, or an objective that is no cross-entropy.
    """

    objective: Objective
    weight: float
    step: float = 0.01

    def __post_init__(self) -> None:
        if not isinstance(self.objective, CrossEntropy):
            raise SettingsError(
                f"sr: {type(self.objective).__name__} is not a cross-entropy on one set of images. Use "
                "vanilla, pgd, fgsm, rfgsm, rfgsm-normal or gaussian"
            )
        for name in ("weight", "step"):
            if not 0 < getattr(self, name) < float("inf"):
                raise SettingsError(f"sr: {name} is {getattr(self, name)}. Give a number above 0")

    def losses(self, network: SpikingNetwork, batch: Batch) -> Iterator[Loss]:
        """One loss."""
        assert isinstance(self.objective, CrossEntropy)
        images = self.objective.perturbed(network, batch).detach().requires_grad_()
        frames = network.encoded(images, batch.indices, batch.draw())
        logits = network.response(frames, batch.indices, batch.draw()).logits
        slope = self._slope(network, batch, images, logits)
        yield Loss(F.cross_entropy(logits, batch.labels) + self.weight * slope.square().mean(), logits)

    def _slope(
        self, network: SpikingNetwork, batch: Batch, images: torch.Tensor, logits: torch.Tensor
    ) -> torch.Tensor:
        """``(N,)`` d, differentiable in the weights."""
        rivals = strongest_rival(logits, batch.labels)
        here = pair_probability(logits, batch.labels, rivals)
        (gradient,) = torch.autograd.grad(here.sum(), images, retain_graph=True)
        shift = self.step * gradient.sign()
        frames = encode_shifted(
            network.encoding, images.detach(), shift, network.steps, batch.indices, batch.draw()
        )
        there = network.response(frames, batch.indices, batch.draw()).logits
        return (pair_probability(there, batch.labels, rivals) - here) / self.step

    def state(self) -> Mapping[str, torch.Tensor]:
        """Of the objective."""
        return self.objective.state()

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Of the objective."""
        self.objective.restore(state)
