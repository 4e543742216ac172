"""How sparse a network's input gradient is, and how far random noise falls short of an attack.

SR (Liu et al., ICML 2024) bounds the gap between accuracy on random and on adversarial images of one box
by the sparsity of the true-class probability's gradient. A small gradient can also be a masked one:
these figures describe a model, and say nothing of its robustness by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from lavarobust.attacks.network_victim import evaluating
from lavarobust.attacks.result import RobustnessResult
from lavarobust.attacks.settings import Noise
from lavarobust.attacks.victim import DEFAULT_CHUNK
from lavarobust.errors import DataError, SettingsError


@dataclass(frozen=True)
class GradientSparsity:
    """The gradient of the true class's softmax probability with respect to the pixels, over N samples.

    Attributes:
        samples: N.
        pixels: of a sample.
        l0: mean number of pixels whose gradient is not zero.
        l1: mean sum of the gradients' magnitudes, per pixel unit.
        vanished: samples whose gradient is zero in every pixel.
    """

    samples: int
    pixels: int
    l0: float
    l1: float
    vanished: int


def gradient_sparsity(
    network: torch.nn.Module, images: np.ndarray, labels: np.ndarray, indices: np.ndarray, draw: int = 0
) -> GradientSparsity:
    """Gradients in ``eval`` mode, through the network's own surrogates; straight through a drawn encoder.

    Args:
        network: called as ``network(images, indices, draw)``; its device is the images'.
        images: ``(N, C, H, W)`` in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        draw: repetition of what is drawn.

    Raises:
        DataError: no images.
    """
    if len(images) == 0:
        raise DataError("there are no images to take gradients at. Give at least one")
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    nonzero, sums = [], []
    with evaluating(network):
        for start in range(0, len(images), DEFAULT_CHUNK):
            part = slice(start, start + DEFAULT_CHUNK)
            pixels = torch.from_numpy(images[part]).to(device).requires_grad_()
            classes = torch.from_numpy(labels[part]).to(device)[:, None]
            probability = network(pixels, indices[part], draw).softmax(1).gather(1, classes)
            gradient = torch.autograd.grad(probability.sum(), pixels)[0].flatten(1)
            nonzero.append((gradient != 0).sum(1).cpu().numpy())
            sums.append(gradient.double().abs().sum(1).cpu().numpy())
    l0, l1 = np.concatenate(nonzero), np.concatenate(sums)
    return GradientSparsity(
        len(images), images[0].size, float(l0.mean()), float(l1.mean()), int((l0 == 0).sum())
    )


@dataclass(frozen=True)
class RandomGap:
    """Accuracies on one box around the images.

    Attributes:
        epsilon: its radius, in pixel units.
        random: under the worst of the noise attacks, per sample.
        adversarial: under the worst of the others.
    """

    epsilon: float
    random: float
    adversarial: float

    @property
    def gap(self) -> float:
        """What following gradients takes beyond chance."""
        return self.random - self.adversarial


def random_gaps(result: RobustnessResult) -> tuple[RandomGap, ...]:
    """The gap at every epsilon of an evaluation that ran noise and attacks with gradients.

    Raises:
        SettingsError: one of the two is missing.
    """
    gaps = []
    for threat in result.threats:
        correct: dict[bool, list[np.ndarray]] = {True: [], False: []}
        for outcome in result.outcomes:
            if outcome.threat == threat:
                correct[isinstance(outcome.settings, Noise)].append(outcome.executed.correct)
        if not (correct[True] and correct[False]):
            raise SettingsError(
                "a gap between random and adversarial images needs a noise attack and one with gradients. "
                "Evaluate with both, such as Noise() and PGD()."
            )
        random, adversarial = (
            float(np.logical_and.reduce([result.clean.correct, *correct[noise]]).mean())
            for noise in (True, False)
        )
        gaps.append(RandomGap(threat.epsilon, random, adversarial))
    return tuple(gaps)
