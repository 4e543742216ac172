"""FGSM, PGD and noise on any victim, with a record per sample of what was found and what it cost."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import ndtri

from lavarobust.attacks.craft import craft_linf
from lavarobust.attacks.losses import loss_and_direction
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.settings import FGSM, PGD, AttackSettings, Noise
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Queries, Victim
from lavarobust.encoding.draws import uniform_draws


@dataclass(frozen=True, eq=False)
class AttackResult:
    """The worst image found for each of N samples.

    Attributes:
        images: ``(N, C, H, W)`` float32: the first that fools the victim, else the one of highest loss,
            the clean image among them (a sample that is wrong without attack is returned as it is).
        fooled: ``(N,)`` bool, whether the victim's prediction of it is wrong.
        prediction: ``(N,)`` int64, that prediction.
        loss: ``(N,)`` float64.
        gradients, zero_gradients: ``(N,)`` int64, how many were computed, and how many of those were
            zero in every pixel.
        queries: executions that the attack took, all samples together.
    """

    images: np.ndarray
    fooled: np.ndarray
    prediction: np.ndarray
    loss: np.ndarray
    gradients: np.ndarray
    zero_gradients: np.ndarray
    queries: Queries

    @property
    def zero_gradient_share(self) -> float:
        """Share of zero gradients; a high one may mean that the attack failed. 0 if none ran."""
        return float(self.zero_gradients.sum() / max(int(self.gradients.sum()), 1))


def attack(
    settings: AttackSettings,
    victim: Victim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    seed: int = 0,
    draw: int = 0,
) -> AttackResult:
    """Search the threat model's box around every image for one that the victim gets wrong.

    The result of a sample is the same bytes in any batch and order: its draws are keyed by seed and
    index, and the victim computes it in the same place of a fixed chunk.

    Args:
        settings: which attack.
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        threat: what may be changed.
        seed: key of random starts and noise.
        draw: which repetition of the victim's own draws is attacked.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        ThreatModelError: an image left the threat model, which is a defect.
    """
    search = _Search(victim, checked_samples(images, labels, indices), _loss_of(settings), draw)
    if isinstance(settings, Noise):
        _try_noise(search, settings, threat, seed)
    elif isinstance(settings, FGSM):
        search.climb(threat, step_size=threat.epsilon, steps=1)
    else:
        for starts in _starts(search, settings, threat, seed):
            search.climb(threat, settings.step_for(threat.epsilon), settings.steps, starts)
    threat.check(search.samples.images, search.best)
    return search.result()


def fgsm(
    victim: Victim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    settings: FGSM = FGSM(),  # noqa: B008
    draw: int = 0,
) -> AttackResult:
    """One step to the corner of the box that the gradient points to; see :func:`attack`."""
    return attack(settings, victim, images, labels, indices, threat, draw=draw)


def pgd(
    victim: Victim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    settings: PGD = PGD(),  # noqa: B008
    seed: int = 0,
    draw: int = 0,
) -> AttackResult:
    """Projected sign steps from random starts; see :func:`attack`."""
    return attack(settings, victim, images, labels, indices, threat, seed, draw)


def random_noise(
    victim: Victim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    settings: Noise = Noise(),  # noqa: B008
    seed: int = 0,
    draw: int = 0,
) -> AttackResult:
    """The worst of a few random images of the box; see :func:`attack`."""
    return attack(settings, victim, images, labels, indices, threat, seed, draw)


class _Search:
    """The best image so far of every sample; samples that are fooled are not asked about again."""

    def __init__(self, victim: Victim, samples: Samples, loss: str, draw: int) -> None:
        self.victim, self.samples, self.loss, self.draw = victim, samples, loss, draw
        self.before = replace(victim.queries)
        self.best = samples.images.copy()
        self.fooled = np.zeros(len(samples), dtype=bool)
        self.prediction = np.zeros(len(samples), dtype=np.int64)
        self.best_loss = np.full(len(samples), -np.inf)
        self.gradients = np.zeros(len(samples), dtype=np.int64)
        self.zero_gradients = np.zeros_like(self.gradients)
        self.try_images(samples.images)

    def try_images(self, images: np.ndarray) -> None:
        """Keep those of ``(N, C, H, W)`` that are better than what was found."""
        open_ = np.flatnonzero(~self.fooled)
        if len(open_):
            indices = self.samples.indices[open_]
            self._keep(open_, images[open_], self.victim.logits(images[open_], indices, self.draw))

    def climb(
        self, threat: ThreatModel, step_size: float, steps: int, starts: np.ndarray | None = None
    ) -> None:
        """Follow gradients from ``starts``, keeping the best of all images on the way."""
        if self.fooled.all():
            return
        clean = torch.from_numpy(self.samples.images)
        start = None if starts is None else torch.from_numpy(starts)
        end = craft_linf(self._gradient, clean, threat.epsilon, step_size, steps, start)
        self.try_images(end.numpy())

    def result(self) -> AttackResult:
        return AttackResult(
            images=self.best,
            fooled=self.fooled,
            prediction=self.prediction,
            loss=self.best_loss,
            gradients=self.gradients,
            zero_gradients=self.zero_gradients,
            queries=self.victim.queries.since(self.before),
        )

    def _gradient(self, images: torch.Tensor) -> torch.Tensor:
        """Gradient at images ``(N, C, H, W)``; zero where the sample is fooled already, so that it stays."""
        whole = torch.zeros_like(images)
        open_ = np.flatnonzero(~self.fooled)
        if len(open_):
            here, part = images.numpy()[open_], self.samples.take(open_)
            logits, gradient = self.victim.logits_and_gradient(
                here, part.labels, part.indices, self.loss, self.draw
            )
            self.gradients[open_] += 1
            self.zero_gradients[open_] += ~gradient.reshape(len(here), -1).any(axis=1)
            self._keep(open_, here, logits)
            whole[open_] = torch.from_numpy(gradient)
        return whole

    def _keep(self, positions: np.ndarray, images: np.ndarray, logits: np.ndarray) -> None:
        labels = self.samples.labels[positions]
        loss, _ = loss_and_direction(self.loss, logits, labels)
        prediction = logits.argmax(axis=1)
        fooled = prediction != labels
        better = fooled | (loss >= self.best_loss[positions])
        chosen = positions[better]
        self.best[chosen], self.best_loss[chosen] = images[better], loss[better]
        self.prediction[chosen], self.fooled[chosen] = prediction[better], fooled[better]


def _loss_of(settings: AttackSettings) -> str:
    return "cross_entropy" if isinstance(settings, Noise) else settings.loss


def _starts(search: _Search, settings: PGD, threat: ThreatModel, seed: int) -> Iterator[np.ndarray | None]:
    for restart in range(settings.restarts):
        if not settings.random_start:
            yield None
        else:
            uniform = _draws(search.samples, seed, "random start", restart)
            yield (search.samples.images + threat.epsilon * (2 * uniform - 1)).astype(np.float32)


def _try_noise(search: _Search, settings: Noise, threat: ThreatModel, seed: int) -> None:
    for repetition in range(settings.draws):
        uniform = _draws(search.samples, seed, f"{settings.distribution} noise", repetition)
        change = 2 * uniform - 1 if settings.distribution == "uniform" else ndtri(uniform).clip(-9, 9)
        noisy = (search.samples.images + threat.epsilon * change).astype(np.float32)
        clean, start = torch.from_numpy(search.samples.images), torch.from_numpy(noisy)
        search.try_images(craft_linf(torch.zeros_like, clean, threat.epsilon, 0.0, 0, start).numpy())


def _draws(samples: Samples, seed: int, purpose: str, repetition: int) -> np.ndarray:
    """``(N, C, H, W)`` float64 in [0, 1), keyed by seed, purpose, sample index and repetition.

    The purpose keeps an attack from drawing the very numbers that a victim's encoder draws.
    """
    digest = hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=8).digest()
    key, shape = int.from_bytes(digest, "little"), samples.images.shape[1:]
    rows = [uniform_draws(key, int(index), repetition, int(np.prod(shape))) for index in samples.indices]
    return np.stack(rows).reshape(samples.images.shape)
