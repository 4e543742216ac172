"""This package's victims as estimators of the Adversarial Robustness Toolbox (the extra ``art``).

Its attacks draw from numpy's global generator; :func:`numpy_seeded` makes most of them repeatable. What they
return is theirs: hold it against a threat model with :meth:`lavarobust.attacks.ThreatModel.check`, and ask
the victim about it with the samples' own indices. Its ``AutoAttack`` is not the standard one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from lavarobust.attacks.victim import ChunkedVictim, Victim
from lavarobust.optional import optional_module


def as_art_classifier(victim: Victim, shape: tuple[int, ...], classes: int, draw: int = 0) -> Any:
    """A victim as ART's ``BlackBoxClassifierNeuralNetwork``, for attacks that ask for scores or decisions.

    ART names no samples, so the rows of a batch count as samples 0, 1, 2, ... A stochastic victim gets the
    next draw with every call. The scores are logits less each row's largest, so that the tie-break of an
    integer victim survives ART's float32.

    Args:
        shape: ``(C, H, W)`` of an image with pixels in [0, 1].
        classes: of the victim.
        draw: the victim's first one.

    Raises:
        MissingPackageError: ART is not installed.
    """
    art = optional_module("art.estimators.classification", "art")
    return art.BlackBoxClassifierNeuralNetwork(
        _Asked(victim, draw).scores, shape, classes, channels_first=True, clip_values=(0.0, 1.0)
    )


def as_art_estimator(victim: ChunkedVictim, shape: tuple[int, ...], classes: int, draw: int = 0) -> Any:
    """The same with gradients, through the victim's surrogate: backward pass differentiable approximation.

    (Athalye et al. 2018, section 4.1.) ``loss_gradient`` is the cross-entropy's up to a positive factor per
    sample, to which FGM, PGD and the other attacks that normalise gradients are blind; ``class_gradient`` is
    in the logits' own units. Arguments and errors as :func:`as_art_classifier` has them.
    """
    classification = optional_module("art.estimators.classification", "art")
    general = optional_module("art.estimators.estimator", "art")
    asked = _Asked(victim, draw)

    class Estimator(  # ART asks for both mixins by isinstance
        classification.BlackBoxClassifierNeuralNetwork,  # type: ignore[name-defined, misc]
        general.LossGradientsMixin,  # type: ignore[name-defined, misc]
        classification.classifier.ClassGradientsMixin,  # type: ignore[name-defined, misc]
    ):
        def loss_gradient(self, x: np.ndarray, y: np.ndarray, **_: Any) -> np.ndarray:
            return asked.loss_gradient(x, y)

        def class_gradient(self, x: np.ndarray, label: Any = None, **_: Any) -> np.ndarray:
            return asked.class_gradient(x, label, classes)

    return Estimator(asked.scores, shape, classes, channels_first=True, clip_values=(0.0, 1.0))


@contextmanager
def numpy_seeded(seed: int | np.ndarray) -> Iterator[None]:
    """numpy's global generator seeded with an integer or an array of them, and put back afterwards."""
    before = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(before)


class _Asked:
    """A victim in ART's words; counts the draws of a stochastic one."""

    def __init__(self, victim: Any, draw: int) -> None:
        self.victim, self.next_draw = victim, draw

    def scores(self, images: np.ndarray) -> np.ndarray:
        images, rows, draw = self._call(images)
        logits = self.victim.logits(images, rows, draw)
        scores: np.ndarray = logits - logits.max(axis=1, keepdims=True)
        return scores

    def loss_gradient(self, images: np.ndarray, labels: np.ndarray) -> np.ndarray:
        images, rows, draw = self._call(images)
        classes = labels if labels.ndim == 1 else labels.argmax(axis=1)
        gradient: np.ndarray = self.victim.loss_gradient(images, classes, rows, "cross_entropy", draw)
        return gradient

    def class_gradient(self, images: np.ndarray, label: Any, classes: int) -> np.ndarray:
        """``(N, classes, C, H, W)``, or ``(N, 1, C, H, W)`` of one class or of one per sample."""
        images, rows, draw = self._call(images)
        wanted = np.arange(classes)[:, None] if label is None else np.atleast_2d(label)
        each = [np.eye(classes)[np.broadcast_to(of, len(images))] for of in wanted]
        gradients = [self.victim.vector_jacobian(images, rows, direction, draw) for direction in each]
        return np.stack(gradients, axis=1)

    def _call(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
        self.victim.forget()  # rows are other samples from call to call
        draw = self.next_draw
        self.next_draw += bool(self.victim.stochastic)
        return np.asarray(images, dtype=np.float32), np.arange(len(images)), draw
