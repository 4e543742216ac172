from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import PGD, ExpectedVictim, IntegerVictim, NetworkVictim, ThreatModel, attack
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding


class Drawn(torch.nn.Module):
    """Draw d multiplies the margin of two classes with d; each is certain to its own degree."""

    stochastic = True

    def forward(self, images, indices, draw):
        pixel = images.flatten(1)
        return torch.cat([torch.zeros_like(pixel[:, :1]), (pixel[:, :1] - pixel[:, 1:]) * draw], 1)


def _image() -> np.ndarray:
    return np.array([0.75, 0.25], dtype=np.float32).reshape(1, 1, 1, 2)


def test_gradients_are_averaged_with_their_own_sizes():
    victim = ExpectedVictim(NetworkVictim(Drawn()), draws=3, first=1)
    logits, gradient = victim.logits_and_gradient(_image(), np.array([1]), np.array([0]))
    np.testing.assert_allclose(logits, [[0, 1.0]])  # draws 1, 2 and 3, margin 0.5 times the draw
    # the cross-entropy's slope of draw d is (1 - p) * d, with p the share of class 1
    sizes = np.array([d / (1 + np.exp(0.5 * d)) for d in (1, 2, 3)])
    expected = -sizes.sum() / (1 / (1 + np.exp(0.5)))  # up to a factor: in units of the largest 1 - p
    np.testing.assert_allclose(gradient.ravel(), [expected, -expected], rtol=1e-6)


def test_each_call_of_a_climb_has_draws_of_its_own_and_the_next_climb_the_same():
    asked = []

    class Counting(Drawn):
        def forward(self, images, indices, draw):
            asked.append(draw)
            return super().forward(images, indices, draw)

    victim = ExpectedVictim(NetworkVictim(Counting()), draws=2, first=10)
    for _ in range(2):
        victim.forget()
        victim.logits(_image(), np.array([0]))
        victim.loss_gradient(_image(), np.array([0]), np.array([0]))
    assert asked == [10, 11, 12, 13] * 2


def test_an_average_gets_the_same_bytes_in_any_batch(deployed, pictures):
    case, (images, indices) = deployed(Encoding("rate"), "membrane"), pictures
    labels = IntegerVictim(case.model, case.deployment).logits(images, indices).argmax(1)

    def found(chosen):
        victim = ExpectedVictim(IntegerVictim(case.model, case.deployment, chunk=16), draws=3)
        arrays = images[chosen], labels[chosen], indices[chosen]
        return attack(PGD(3), victim, *arrays, ThreatModel(8 / 255))

    whole, order = found(np.arange(150)), np.random.default_rng(1).permutation(150)
    for chosen in (order[:40], order[:1]):
        some = found(chosen)
        for name in ("images", "fooled", "loss"):
            assert getattr(some, name).tobytes() == getattr(whole, name)[chosen].tobytes()


def test_no_draws_are_refused():
    with pytest.raises(SettingsError, match="at least 1"):
        ExpectedVictim(NetworkVictim(Drawn()), draws=0)
