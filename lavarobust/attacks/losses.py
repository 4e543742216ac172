"""What an attack makes rise, and the direction in which the logits must move for it.

Directions are the loss's gradient with respect to the logits, up to a positive factor per sample.
Sign attacks are blind to that factor, and leaving it out keeps a confident sample's gradient from
vanishing in the backward pass, which would look like robustness (Carlini & Wagner 2017, section 5).
Where gradients of several draws are averaged the factor matters: :func:`log_factor` gives it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lavarobust.errors import DataError

Ascent = tuple[np.ndarray, np.ndarray]
_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Goal:
    """What the loss of N samples is about.

    Attributes:
        labels: ``(N,)`` true classes.
        targets: ``(N,)`` the classes that a targeted loss pushes towards; None for the others.
    """

    labels: np.ndarray
    targets: np.ndarray | None = None

    def take(self, chosen: np.ndarray) -> Goal:
        """That of some samples."""
        return Goal(self.labels[chosen], None if self.targets is None else self.targets[chosen])


def loss_and_direction(loss: str, logits: np.ndarray, goal: Goal) -> Ascent:
    """Loss ``(N,)`` and ascent direction ``(N, classes)`` of logits ``(N, classes)`` float64.

    Args:
        loss: one of :data:`LOSSES`.

    Raises:
        DataError: labels or targets that are no class, or fewer classes than the loss needs.
    """
    classes, needed = logits.shape[1], _CLASSES.get(loss, 2)
    for name, values in (("labels", goal.labels), ("targets", goal.targets)):
        if values is not None and len(values) and (values.min() < 0 or values.max() >= classes):
            raise DataError(
                f"{name} from {values.min()} to {values.max()} do not fit a model of {classes} classes. "
                "Give the labels of its own data set."
            )
    if classes < needed:
        raise DataError(f"the loss {loss} needs {needed} classes, and the model has {classes}.")
    if (goal.targets is None) == (loss in TARGETED):
        raise DataError(f"the loss {loss} is given {'no' if loss in TARGETED else 'a'} target per sample.")
    return LOSSES[loss](logits, goal)


def log_factor(loss: str, logits: np.ndarray, goal: Goal) -> np.ndarray:
    """``(N,)`` log of what the direction must be multiplied with to be the loss's gradient."""
    rows = np.arange(len(logits))
    if loss == "cross_entropy":
        # the gradient is (1 - p) times the direction; log(1 - p) = -log(1 + exp(own - others))
        return -np.logaddexp(0.0, -_log_odds(logits, goal.labels))
    if loss == "targeted_cross_entropy":
        assert goal.targets is not None
        return -np.logaddexp(0.0, -_log_odds(logits, goal.targets))
    if loss in ("dlr", "targeted_dlr"):
        return -np.log(_spread(np.sort(logits, axis=1), 3 if loss == "dlr" else 4))
    return np.zeros(len(rows))


def _cross_entropy(logits: np.ndarray, goal: Goal) -> Ascent:
    # log(1 + sum of exp(other - own)) keeps small losses apart, where log p would round them to zero
    return np.logaddexp(0.0, _log_odds(logits, goal.labels)), _away_from(logits, goal.labels)


def _targeted_cross_entropy(logits: np.ndarray, goal: Goal) -> Ascent:
    assert goal.targets is not None
    return -np.logaddexp(0.0, _log_odds(logits, goal.targets)), -_away_from(logits, goal.targets)


def _margin(logits: np.ndarray, goal: Goal) -> Ascent:
    rows, rival = np.arange(len(logits)), _others(logits, goal.labels).argmax(axis=1)
    direction = _towards(logits, rival, goal.labels)
    return logits[rows, rival] - logits[rows, goal.labels], direction


def _dlr(logits: np.ndarray, goal: Goal) -> Ascent:
    """Difference of logits ratio (Croce & Hein 2020, Eq. 6)."""
    order = np.argsort(logits, axis=1, kind="stable")
    ranked = np.take_along_axis(logits, order, 1)
    margin, direction = _margin(logits, goal)
    return _ratio(margin, direction, ranked, order, 3)


def _targeted_dlr(logits: np.ndarray, goal: Goal) -> Ascent:
    """Croce & Hein 2020, Eq. 7."""
    assert goal.targets is not None
    rows = np.arange(len(logits))
    order = np.argsort(logits, axis=1, kind="stable")
    ranked = np.take_along_axis(logits, order, 1)
    margin = logits[rows, goal.targets] - logits[rows, goal.labels]
    return _ratio(margin, _towards(logits, goal.targets, goal.labels), ranked, order, 4)


def _ratio(
    margin: np.ndarray, direction: np.ndarray, ranked: np.ndarray, order: np.ndarray, places: int
) -> Ascent:
    """The margin over the spread of the highest logits; the direction is the gradient times the spread."""
    rows, spread = np.arange(len(ranked)), _spread(ranked, places)
    loss = margin / spread
    steeper = direction.copy()
    steeper[rows, order[:, -1]] -= loss
    if places == 3:
        steeper[rows, order[:, -3]] += loss
    else:
        for place in (-3, -4):
            steeper[rows, order[:, place]] += loss / 2
    return loss, steeper


def _spread(ranked: np.ndarray, places: int) -> np.ndarray:
    """Highest logit less the third, or less the mean of third and fourth."""
    low = ranked[:, -3] if places == 3 else (ranked[:, -3] + ranked[:, -4]) / 2
    spread: np.ndarray = np.maximum(ranked[:, -1] - low, _TINY)
    return spread


def _log_odds(logits: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Log of the odds against a class: of all others to it."""
    others = _others(logits, chosen)
    top = others.max(axis=1)
    total = np.exp(others - top[:, None]).sum(axis=1)
    odds: np.ndarray = top + np.log(total) - logits[np.arange(len(logits)), chosen]
    return odds


def _away_from(logits: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Softmax over the other classes, less the class itself."""
    others = _others(logits, chosen)
    odds = np.exp(others - others.max(axis=1, keepdims=True))
    direction: np.ndarray = odds / odds.sum(axis=1, keepdims=True)
    direction[np.arange(len(logits)), chosen] = -1.0
    return direction


def _towards(logits: np.ndarray, wanted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    rows, direction = np.arange(len(logits)), np.zeros_like(logits)
    direction[rows, wanted] += 1.0
    direction[rows, labels] -= 1.0
    return direction


def _others(logits: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    others = logits.copy()
    others[np.arange(len(logits)), chosen] = -np.inf
    return others


LOSSES: dict[str, Callable[[np.ndarray, Goal], Ascent]] = {
    "cross_entropy": _cross_entropy,
    "margin": _margin,
    "dlr": _dlr,
    "targeted_cross_entropy": _targeted_cross_entropy,
    "targeted_dlr": _targeted_dlr,
}
"""The losses by name; call them through :func:`loss_and_direction`."""

TARGETED = ("targeted_cross_entropy", "targeted_dlr")
"""Those that need a target per sample."""

_CLASSES = {"dlr": 3, "targeted_dlr": 4}
