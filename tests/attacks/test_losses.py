from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lavarobust.attacks.losses import loss_and_direction
from lavarobust.errors import DataError

LABELS = np.array([0, 2, 1, 3])


def _logits() -> np.ndarray:
    return np.random.default_rng(3).normal(size=(4, 5))


def test_cross_entropy_and_its_direction_equal_autograd_up_to_a_positive_factor():
    logits = torch.from_numpy(_logits()).requires_grad_()
    losses = F.cross_entropy(logits, torch.from_numpy(LABELS), reduction="none")
    losses.sum().backward()
    loss, direction = loss_and_direction("cross_entropy", _logits(), LABELS)
    np.testing.assert_allclose(loss, losses.detach().numpy(), rtol=1e-12)
    wrong = 1 - torch.softmax(logits.detach(), 1).numpy()[np.arange(4), LABELS]
    np.testing.assert_allclose(direction * wrong[:, None], logits.grad.numpy(), rtol=1e-12)


def test_cross_entropy_of_a_certain_sample_keeps_its_size_and_direction():
    logits = np.array([[900.0, 1.0, 0.0], [60.0, 0.0, -1000.0]])
    loss, direction = loss_and_direction("cross_entropy", logits, np.zeros(2, dtype=int))
    assert loss[1] == pytest.approx(np.exp(-60.0), rel=1e-9)
    np.testing.assert_allclose(direction[0], [-1, np.e / (1 + np.e), 1 / (1 + np.e)], rtol=1e-12)
    np.testing.assert_array_equal(direction[1], [-1, 1, 0])


def test_margin_moves_the_strongest_rival_against_the_label():
    loss, direction = loss_and_direction(
        "margin", np.array([[1.0, 4.0, 3.0], [1.0, 4.0, 3.0]]), np.array([1, 0])
    )
    np.testing.assert_array_equal(loss, [-1.0, 3.0])
    np.testing.assert_array_equal(direction, [[0, -1, 1], [-1, 1, 0]])


@pytest.mark.parametrize(("logits", "label"), [([[1.0, 2.0]], 2), ([[1.0, 2.0]], -1), ([[1.0]], 0)])
def test_labels_that_are_no_class_are_refused(logits, label):
    with pytest.raises(DataError, match="do not fit a model"):
        loss_and_direction("margin", np.array(logits), np.array([label]))
