"""Gradient attacks and noise on any victim: where a climb starts, what it aims at and how it steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy.special import ndtri

from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.search import AttackResult, Search
from lavarobust.attacks.settings import APGD, FGSM, PGD, RFGSM, SAPGD, AttackSettings, GradientAttack, Noise
from lavarobust.attacks.steps import AdaptiveSteps, AutoSteps, MomentumSteps, SignSteps, Steps
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import Victim
from lavarobust.attacks.words import attack_uniforms
from lavarobust.errors import SettingsError


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
    """Search a threat model around every image for one that the victim gets wrong.

    The result of a sample is the same bytes in any batch and order: its draws are keyed by seed and
    index, and the victim computes it in the same place of a fixed chunk.

    Args:
        settings: which attack.
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        threat: what may be changed.
        seed: key of random starts, targets and noise.
        draw: which repetition of the victim's own draws is attacked.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        SettingsError: an attack that the norm does not have.
        ThreatModelError: an image left the threat model, which is a defect.
    """
    if isinstance(settings, RFGSM) and threat.norm != "linf":
        raise SettingsError(f"R-FGSM shares out a box, and the threat model is {threat}. Use FGSM or PGD.")
    search = Search(victim, checked_samples(images, labels, indices), threat, seed, draw)
    if isinstance(settings, Noise):
        _try_noise(search, settings)
    else:
        for targets in _targets(search, settings):
            search.aim(settings.loss, targets)
            for start in _starts(search, settings):
                search.climb(_steps(search, settings), start, getattr(settings, "steps", 1))
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
    """Projected steps from random starts; see :func:`attack`."""
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
    """The worst of a few random images of the threat model; see :func:`attack`."""
    return attack(settings, victim, images, labels, indices, threat, seed, draw)


def _targets(search: Search, settings: GradientAttack) -> Iterator[np.ndarray | None]:
    """Per round, the class ``(N,)`` that each sample is pushed towards."""
    wanted = getattr(settings, "targets", None)
    if wanted is None:
        yield None
        return
    labels, logits = search.samples.labels, search.clean_logits
    classes, rows = logits.shape[1], np.arange(len(labels))
    if wanted == "random":
        draw = attack_uniforms(search.samples.indices, search.seed, "target", 0, 1)[:, 0]
        yield (labels + 1 + (draw * (classes - 1)).astype(np.int64)) % classes
        return
    others = logits.copy()
    others[rows, labels] = -np.inf
    ranked = np.argsort(-others, axis=1, kind="stable")
    for place in range(min(wanted, classes - 1)):
        yield ranked[:, place]


def _starts(search: Search, settings: GradientAttack) -> Iterator[np.ndarray]:
    """Images ``(N, C, H, W)`` that the climbs begin at."""
    images, threat = torch.from_numpy(search.samples.images), search.threat
    if isinstance(settings, FGSM) or (isinstance(settings, PGD) and not settings.random_start):
        yield search.samples.images
    elif isinstance(settings, RFGSM):
        signs = torch.from_numpy(np.sign(search.draws("random sign", 0) - 0.5))
        yield threat.project(images, (images + settings.share * threat.epsilon * signs).float()).numpy()
    else:
        for restart in range(settings.restarts):
            uniform = torch.from_numpy(search.draws("random start", restart))
            if isinstance(settings, PGD):
                yield threat.uniform(images, uniform).numpy()
            else:
                yield threat.edge(images, uniform).numpy()


def _steps(search: Search, settings: GradientAttack) -> Steps:
    images, threat = torch.from_numpy(search.samples.images), search.threat
    if isinstance(settings, FGSM):
        return SignSteps(images, threat, threat.epsilon)
    if isinstance(settings, RFGSM):
        return SignSteps(images, threat, (1 - settings.share) * threat.epsilon)
    if isinstance(settings, APGD):
        return AutoSteps(images, threat, settings.steps)
    if isinstance(settings, SAPGD):
        return AdaptiveSteps(images, threat, settings.steps)
    size = settings.step_for(threat.epsilon)
    if settings.momentum is None:
        return SignSteps(images, threat, size)
    return MomentumSteps(images, threat, size, settings.momentum)


def _try_noise(search: Search, settings: Noise) -> None:
    images, threat = torch.from_numpy(search.samples.images), search.threat
    for repetition in range(settings.draws):
        uniform = search.draws(f"{settings.distribution} noise", repetition)
        if settings.distribution == "uniform":
            noisy = threat.uniform(images, torch.from_numpy(uniform))
        else:
            change = torch.from_numpy(ndtri(uniform).clip(-9, 9))
            noisy = threat.project(images, (images + threat.epsilon * change).float())
        if len(search.open):
            search.try_images(noisy.numpy())
