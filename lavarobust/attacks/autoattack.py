"""The reference AutoAttack on this package's victims: APGD-CE, targeted APGD, targeted FAB and Square.

Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
attacks" (ICML 2020), as its authors' package ``pyautoattack`` runs it; that is the extra ``autoattack``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.mean_victim import MeanVictim
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import ChunkedVictim, Queries
from lavarobust.errors import DataError, SettingsError
from lavarobust.optional import optional_module

STANDARD = ("apgd-ce", "apgd-t", "fab-t", "square")
"""The attacks of the standard version, in its order."""

_NORMS = {"linf": "Linf", "l2": "L2"}
"""Their names in the package."""

_FEWEST_CLASSES = 4
"""That the targeted difference of logits ratio is defined for."""

_MOST_TARGETS = 9
"""Classes that the standard version aims at."""


AutoVictim = ChunkedVictim | MeanVictim
"""What AutoAttack can ask: a victim that answers in any direction of its logits."""


@dataclass(frozen=True, eq=False)
class AutoAttackResult:
    """What AutoAttack found for each of N samples.

    Attributes:
        images: ``(N, C, H, W)`` float32: one that fools the victim, or the clean image.
        fooled: ``(N,)`` bool, whether the victim's prediction of it is wrong.
        prediction: ``(N,)`` int64, that prediction.
        loss: ``(N,)`` float64, its margin: that of the strongest other class over the own one.
        fooled_by: ``(N,)`` names: the attack that fooled it first, ``clean`` where it is wrong without one,
            empty where nothing fooled it.
        queries: executions that all took together.
    """

    images: np.ndarray
    fooled: np.ndarray
    prediction: np.ndarray
    loss: np.ndarray
    fooled_by: np.ndarray
    queries: Queries


def autoattack(
    victim: AutoVictim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    threat: ThreatModel,
    attacks: Sequence[str] = STANDARD,
    seed: int = 0,
    draw: int = 0,
) -> AutoAttackResult:
    """Run attacks of AutoAttack, one after the other, each on the samples that withstood those before.

    The package draws for whole batches, so the result of a sample depends on the samples beside it, unlike
    that of this package's own attacks. Whether a found image fools is asked again with the sample's own
    index, inside the threat model to the last bit. With fewer than ten classes all others are aimed at.

    A model that draws is attacked as its :class:`MeanVictim`: all four attacks search the mean logits over
    the same draws, and fresh draws must judge what they find. AutoAttack's own version for such models,
    ``rand``, is APGD-CE and APGD-DLR with gradients over 20 fresh draws, without FAB and Square, whose
    searches a changing answer misleads, and one draw says what counts as found.

    Args:
        victim: deterministic, of four classes or more.
        images: ``(N, C, H, W)`` pixels in [0, 1].
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        threat: what may be changed.
        attacks: some of :data:`STANDARD`; all of them are the standard version.
        seed: of torch's generator while the attacks run; its state is put back.
        draw: handed to the victim.

    Raises:
        MissingPackageError: ``pyautoattack`` is not installed.
        SettingsError: an unknown attack, or a stochastic victim.
        DataError: arrays that do not fit each other or the victim, or fewer than four classes.
    """
    unknown = sorted(set(attacks) - set(STANDARD))
    if unknown or not attacks:
        raise SettingsError(
            f"AutoAttack's attacks {unknown} are unknown. Choose from: {', '.join(STANDARD)}."
        )
    if victim.stochastic:
        raise SettingsError(
            f"{victim.name}: its answers are drawn, and AutoAttack would keep what one lucky draw let pass. "
            "Give the MeanVictim of it, and judge by other draws."
        )
    package = optional_module("pyautoattack", "autoattack")
    samples = checked_samples(images, labels, indices)
    before = replace(victim.queries)
    state = _State(victim, samples, draw)
    if state.classes < _FEWEST_CLASSES:
        raise DataError(
            f"{victim.name}: AutoAttack's losses need {_FEWEST_CLASSES} classes, not {state.classes}."
        )
    with _torch_and_trace_kept():
        model, norm = _Model(victim, draw), _NORMS[threat.norm]
        ensemble = package.AutoAttack(model, norm=norm, eps=threat.epsilon, seed=seed)
        for part in (ensemble.apgd_targeted, ensemble.fab):
            part.n_target_classes = min(_MOST_TARGETS, state.classes - 1)
        for attack in (name for name in STANDARD if name in attacks):
            open_ = np.flatnonzero(~state.fooled)
            if len(open_):
                state.keep(open_, _found(ensemble, attack, samples.take(open_), threat), attack)
    threat.check(samples.images, state.best)
    return AutoAttackResult(
        state.best,
        state.fooled,
        state.prediction,
        state.loss,
        state.fooled_by,
        victim.queries.since(before),
    )


class _State:
    """What was found so far; the victim is asked with every sample's own index."""

    def __init__(self, victim: AutoVictim, samples: Samples, draw: int) -> None:
        self.victim, self.samples, self.draw = victim, samples, draw
        self.best = samples.images.copy()
        logits = victim.logits(samples.images, samples.indices, draw)
        self.classes = logits.shape[1]
        self.loss, self.prediction = _margin(logits, samples.labels), logits.argmax(axis=1)
        self.fooled_by = np.where(self.fooled, "clean", "").astype("<U7")

    @property
    def fooled(self) -> np.ndarray:
        fooled: np.ndarray = self.prediction != self.samples.labels
        return fooled

    def keep(self, positions: np.ndarray, images: np.ndarray, attack: str) -> None:
        here = self.samples.take(positions)
        logits = self.victim.logits(images, here.indices, self.draw)
        prediction = logits.argmax(axis=1)
        fools = prediction != here.labels
        chosen = positions[fools]
        self.best[chosen], self.prediction[chosen] = images[fools], prediction[fools]
        self.loss[chosen] = _margin(logits, here.labels)[fools]
        self.fooled_by[chosen] = attack


def _margin(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return loss_and_direction("margin", logits, Goal(labels))[0]


def _found(ensemble: Any, attack: str, here: Samples, threat: ThreatModel) -> np.ndarray:
    """``(n, C, H, W)`` what one attack returns, brought back to what is allowed, as rounding may leave it."""
    ensemble.attacks_to_run = [attack]
    clean = torch.from_numpy(here.images)
    found, _ = ensemble.run_standard_evaluation(clean, torch.from_numpy(here.labels))
    allowed: np.ndarray = threat.project(clean, found.detach()).numpy()
    return allowed


class _Model:
    """The victim as a torch function of a batch. The package does not say which samples it asks about."""

    def __init__(self, victim: AutoVictim, draw: int) -> None:
        self.victim, self.draw = victim, draw

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = _Asked.apply(images, self.victim, np.arange(len(images)), self.draw)
        return logits


class _Asked(torch.autograd.Function):
    """A victim's logits, less each row's largest: so a tie that is broken stays so in float32.

    The losses are differences of logits, which that leaves as they are, and it counts as a constant in the
    gradient. The tensor is a fresh one every time, since Square writes into it.
    """

    @staticmethod
    def forward(ctx, images, victim, indices, draw):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(images)
        ctx.ask = victim, indices, draw
        logits = victim.logits(images.detach().numpy(), indices, draw)
        return torch.from_numpy(logits - logits.max(axis=1, keepdims=True)).to(images.dtype)

    @staticmethod
    def backward(ctx, direction):  # type: ignore[no-untyped-def]
        (images,), (victim, indices, draw) = ctx.saved_tensors, ctx.ask
        victim.forget()  # rows are other samples from call to call
        gradient = victim.vector_jacobian(images.detach().numpy(), indices, direction.numpy(), draw)
        return torch.from_numpy(gradient), None, None, None


@contextmanager
def _torch_and_trace_kept() -> Iterator[None]:
    """The package seeds torch's own generator, and its check of the model ends tracing, as of coverage."""
    trace = sys.gettrace()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            sys.settrace(trace)
