"""Adversarial training: the cross-entropy on perturbed images only, by how they are perturbed."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.inner import attacked, normal_draws, rising_loss, uniform_start
from lavarobust.training.objective import Batch, CrossEntropy
from lavarobust.training.refusals import check_at_least_one, check_epsilon, check_part, check_step_size


@dataclass(frozen=True)
class AdversarialPGD(CrossEntropy):
    """Sign steps on the cross-entropy from a uniform start in the box (Madry et al. 2018, Eq. 2.1).

    Attributes:
        epsilon: largest change of a pixel (pixels are in [0, 1]).
        step_size: of one ascent step; None for ``2.5 * epsilon / steps``, as Madry et al. advise.
        steps: ascent steps.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    step_size: float | None = None
    steps: int = 7

    def __post_init__(self) -> None:
        check_epsilon("pgd", self.epsilon)
        check_step_size("pgd", self.step_size)
        check_at_least_one("pgd", "steps", self.steps)

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """The images that the inner attack ended at."""
        step_size = self.step_size if self.step_size is not None else 2.5 * self.epsilon / self.steps
        start = uniform_start(batch, self.epsilon)
        return attacked(network, batch, rising_loss(batch.labels), self.epsilon, step_size, self.steps, start)


@dataclass(frozen=True)
class AdversarialFGSM(CrossEntropy):
    """One sign step of epsilon from the image (Goodfellow et al. 2015); StoG's and SEA's training.

    Attributes:
        epsilon: in pixel units.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float

    def __post_init__(self) -> None:
        check_epsilon("fgsm", self.epsilon)

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """The corner of the box that the gradient points to."""
        return attacked(network, batch, rising_loss(batch.labels), self.epsilon, self.epsilon, 1)


@dataclass(frozen=True)
class RandomSignFGSM(CrossEntropy):
    """R-FGSM of the robust conversion: a random corner, then a sign step (Tramer et al. 2018, section 4.3).

    ``x + alpha * sign(N(0, 1))``, cut to [0, 1], one step of ``epsilon - alpha``, projected. Source:
    ``attack/rfgsm.py`` of Ozdenizci & Legenstein's code.

    Attributes:
        epsilon: in pixel units.
        alpha: of the random step, below epsilon; None for half of it (1/255 of 2/255, as published).

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    alpha: float | None = None

    def __post_init__(self) -> None:
        check_epsilon("rfgsm", self.epsilon)
        check_part("rfgsm", "alpha", first_step(self.epsilon, self.alpha), self.epsilon)

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """The images behind the second step."""
        alpha = first_step(self.epsilon, self.alpha)
        start = batch.images + alpha * normal_draws(batch).sign()
        rise = rising_loss(batch.labels)
        return attacked(network, batch, rise, self.epsilon, self.epsilon - alpha, 1, start)


@dataclass(frozen=True)
class RandomNormalFGSM(CrossEntropy):
    """R-FGSM of StoG: normal noise without its sign, then a sign step, and no projection.

    ``x + alpha * N(0, 1)``, one step of ``epsilon - alpha``, each cut to [0, 1] (the first cut is ours:
    encoders take pixels). A pixel may so end farther from the image than epsilon. Source:
    ``Tools/Attack/ImageBased/rfgsm.py`` of Ding et al.'s code.

    Attributes:
        epsilon, alpha: as :class:`RandomSignFGSM` has them.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float
    alpha: float | None = None

    def __post_init__(self) -> None:
        check_epsilon("rfgsm-normal", self.epsilon)
        check_part("rfgsm-normal", "alpha", first_step(self.epsilon, self.alpha), self.epsilon)

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """The images behind the second step."""
        alpha = first_step(self.epsilon, self.alpha)
        start = batch.images + alpha * normal_draws(batch)
        # a box of 1 is all of [0, 1]
        return attacked(network, batch, rising_loss(batch.labels), 1.0, self.epsilon - alpha, 1, start)


@dataclass(frozen=True)
class GaussianNoise(CrossEntropy):
    """Noise of standard deviation epsilon, cut to [0, 1]: the GN training of SEA and of HIRE's ablation.

    Attributes:
        epsilon: in pixel units.

    Raises:
        SettingsError: an impossible value.
    """

    epsilon: float

    def __post_init__(self) -> None:
        check_epsilon("gaussian", self.epsilon)

    def perturbed(self, network: SpikingNetwork, batch: Batch) -> torch.Tensor:
        """The noisy images."""
        return (batch.images + self.epsilon * normal_draws(batch)).clamp(0, 1)


def first_step(epsilon: float, alpha: float | None) -> float:
    """R-FGSM's random step: ``alpha``, or half of epsilon."""
    return epsilon / 2 if alpha is None else alpha
