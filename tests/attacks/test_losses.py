from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lavarobust.attacks.losses import LOSSES, TARGETED, Goal, log_factor, loss_and_direction
from lavarobust.errors import DataError

LABELS = np.array([0, 2, 1, 3])


def _logits() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(4, 5))


def test_cross_entropy_and_its_direction_equal_autograd_up_to_a_positive_factor():
    logits = torch.from_numpy(_logits()).requires_grad_()
    losses = F.cross_entropy(logits, torch.from_numpy(LABELS), reduction="none")
    losses.sum().backward()
    loss, direction = loss_and_direction("cross_entropy", _logits(), Goal(LABELS))
    np.testing.assert_allclose(loss, losses.detach().numpy(), rtol=1e-12)
    wrong = 1 - torch.softmax(logits.detach(), 1).numpy()[np.arange(4), LABELS]
    np.testing.assert_allclose(direction * wrong[:, None], logits.grad.numpy(), rtol=1e-12)


def test_cross_entropy_of_a_certain_sample_keeps_its_size_and_direction():
    logits = np.array([[900.0, 1.0, 0.0], [60.0, 0.0, -1000.0]])
    loss, direction = loss_and_direction("cross_entropy", logits, Goal(np.zeros(2, dtype=int)))
    assert loss[1] == pytest.approx(np.exp(-60.0), rel=1e-9)
    np.testing.assert_allclose(direction[0], [-1, np.e / (1 + np.e), 1 / (1 + np.e)], rtol=1e-12)
    np.testing.assert_array_equal(direction[1], [-1, 1, 0])


def test_margin_moves_the_strongest_rival_against_the_label():
    loss, direction = loss_and_direction(
        "margin", np.array([[1.0, 4.0, 3.0], [1.0, 4.0, 3.0]]), Goal(np.array([1, 0]))
    )
    np.testing.assert_array_equal(loss, [-1.0, 3.0])
    np.testing.assert_array_equal(direction, [[0, -1, 1], [-1, 1, 0]])


@pytest.mark.parametrize(("logits", "label"), [([[1.0, 2.0]], 2), ([[1.0, 2.0]], -1)])
def test_labels_that_are_no_class_are_refused(logits, label):
    with pytest.raises(DataError, match="do not fit a model"):
        loss_and_direction("margin", np.array(logits), Goal(np.array([label])))


TARGETS = np.array([4, 0, 3, 1])


def _as_torch(loss: str, logits: torch.Tensor) -> torch.Tensor:
    """The published definitions, written down once more."""
    rows, ranked = torch.arange(4), logits.sort(1).values
    own, target = logits[rows, torch.from_numpy(LABELS)], logits[rows, torch.from_numpy(TARGETS)]
    others = logits.clone()
    others[rows, torch.from_numpy(LABELS)] = -torch.inf
    if loss == "targeted_cross_entropy":
        return -F.cross_entropy(logits, torch.from_numpy(TARGETS), reduction="none")
    if loss == "cross_entropy":
        return F.cross_entropy(logits, torch.from_numpy(LABELS), reduction="none")
    if loss == "margin":
        return others.amax(1) - own
    if loss == "dlr":
        return -(own - others.amax(1)) / (ranked[:, -1] - ranked[:, -3])
    return -(own - target) / (ranked[:, -1] - (ranked[:, -3] + ranked[:, -4]) / 2)


@pytest.mark.parametrize("loss", sorted(LOSSES))
def test_a_loss_is_its_definition_and_direction_times_factor_its_gradient(loss):
    goal = Goal(LABELS, TARGETS if loss in TARGETED else None)
    logits = torch.from_numpy(_logits()).requires_grad_()
    losses = _as_torch(loss, logits)
    losses.sum().backward()
    found, direction = loss_and_direction(loss, _logits(), goal)
    np.testing.assert_allclose(found, losses.detach().numpy(), rtol=1e-12)
    factor = np.exp(log_factor(loss, _logits(), goal))
    np.testing.assert_allclose(direction * factor[:, None], logits.grad.numpy(), rtol=1e-9, atol=1e-15)


def test_the_factor_of_a_certain_sample_is_not_rounded_to_zero():
    logits = np.array([[900.0, 1.0, 0.0]])
    assert log_factor("cross_entropy", logits, Goal(np.array([0]))) == pytest.approx(-898.7, abs=0.1)


def test_tied_counts_leave_the_ratio_finite_and_its_direction_alive():
    # every class has the same count: the spread that it is divided by is nothing but the tie-breaking
    counts = 3.0 - np.arange(4.0)[None] / 8
    loss, direction = loss_and_direction("dlr", counts, Goal(np.array([0])))
    assert -1 <= loss[0] < 0 and np.isfinite(direction).all()
    assert direction[0, 0] < 0 < direction[0, 1]


@pytest.mark.parametrize(("loss", "classes"), [("margin", 1), ("dlr", 2), ("targeted_dlr", 3)])
def test_a_ratio_of_too_few_classes_is_refused_by_name(loss, classes):
    targets = np.array([1]) if loss in TARGETED else None
    with pytest.raises(DataError, match=f"the loss {loss} needs {classes + 1} classes"):
        loss_and_direction(loss, np.zeros((1, classes)), Goal(np.array([0]), targets))


@pytest.mark.parametrize(("loss", "targets"), [("margin", np.array([1])), ("targeted_dlr", None)])
def test_targets_belong_to_targeted_losses(loss, targets):
    with pytest.raises(DataError, match="target per sample"):
        loss_and_direction(loss, np.zeros((1, 5)), Goal(np.array([0]), targets))
