"""What an attack makes rise, and the direction in which the logits must move for it.

Directions are the loss's gradient with respect to the logits, up to a positive factor per sample.
Sign attacks are blind to that factor, and leaving it out keeps a confident sample's gradient from
vanishing in the backward pass, which would look like robustness (Carlini & Wagner 2017, section 5).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lavarobust.errors import DataError

Ascent = tuple[np.ndarray, np.ndarray]


def loss_and_direction(loss: str, logits: np.ndarray, labels: np.ndarray) -> Ascent:
    """Loss ``(N,)`` and ascent direction ``(N, classes)`` of logits ``(N, classes)`` float64.

    Args:
        loss: one of :data:`LOSSES`.
        labels: ``(N,)`` true classes.

    Raises:
        DataError: labels that are no class, or a single class.
    """
    classes = logits.shape[1]
    if classes < 2 or labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"labels from {labels.min()} to {labels.max()} do not fit a model of {classes} classes. "
            "Give the labels of its own data set."
        )
    return LOSSES[loss](logits, labels)


def _cross_entropy(logits: np.ndarray, labels: np.ndarray) -> Ascent:
    rows = np.arange(len(logits))
    others = _others(logits, labels)
    top = others.max(axis=1, keepdims=True)
    odds = np.exp(others - top)
    total = odds.sum(axis=1, keepdims=True)
    # log(1 + sum of exp(other - own)) keeps small losses apart, where log p would round them to zero
    loss = np.logaddexp(0.0, top[:, 0] + np.log(total[:, 0]) - logits[rows, labels])
    # the gradient is (1 - p) * (softmax over the other classes - own class)
    direction = odds / total
    direction[rows, labels] = -1.0
    return loss, direction


def _margin(logits: np.ndarray, labels: np.ndarray) -> Ascent:
    rows = np.arange(len(logits))
    others = _others(logits, labels)
    rival = others.argmax(axis=1)
    direction = np.zeros_like(logits)
    direction[rows, rival] = 1.0
    direction[rows, labels] = -1.0
    return others[rows, rival] - logits[rows, labels], direction


def _others(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    others = logits.copy()
    others[np.arange(len(logits)), labels] = -np.inf
    return others


LOSSES: dict[str, Callable[[np.ndarray, np.ndarray], Ascent]] = {
    "cross_entropy": _cross_entropy,
    "margin": _margin,
}
"""The losses by name; call them through :func:`loss_and_direction`."""
