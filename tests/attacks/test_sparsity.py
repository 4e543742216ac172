from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import FGSM, PGD, Noise, ThreatModel, evaluate
from lavarobust.attacks.sparsity import RandomGap, gradient_sparsity, random_gaps
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution import backend
from lavarobust.netx.deployment import Encoding


class Pair(torch.nn.Module):
    """Logits (3 x0 - x1, 0); the third pixel does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([3.0, -1.0, 0.0]))

    def forward(self, images, indices, draw=0):
        score = images.flatten(1) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], 1)


def test_norms_of_a_linear_score_by_hand():
    images = np.array([[0.0, 0.0, 0.5], [1.0, 0.0, 0.5]], np.float32).reshape(2, 1, 1, 3)
    network = Pair().train()
    found = gradient_sparsity(network, images, np.array([0, 1]), np.arange(2))
    # dp/dx = p (1 - p) (3, -1, 0): p = 1/2, and 1 / (1 + exp(3)) = 0.0474
    p = 1 / (1 + np.exp(3))
    assert (found.samples, found.pixels, found.l0, found.vanished) == (2, 3, 2.0, 0)
    assert found.l1 == pytest.approx((0.25 * 4 + p * (1 - p) * 4) / 2)
    assert network.training and network.weight.requires_grad and network.weight.grad is None


def test_gradients_of_a_spiking_network_are_counted_sample_by_sample(deployed, pictures):
    case, (images, indices) = deployed(Encoding("rate", seed=3), "membrane"), pictures
    labels = np.arange(len(images)) % 10
    whole = gradient_sparsity(case.network, images, labels, indices)
    parts = [
        gradient_sparsity(case.network, images[part], labels[part], indices[part])
        for part in (slice(0, 60), slice(60, 150))
    ]
    assert 0 < whole.l0 <= whole.pixels == 64 and whole.l1 > 0
    assert whole.l0 == pytest.approx(0.4 * parts[0].l0 + 0.6 * parts[1].l0)
    assert whole.l1 == pytest.approx(0.4 * parts[0].l1 + 0.6 * parts[1].l1)


def test_gaps_are_between_the_worst_noise_and_the_worst_attack(deployed, pictures):
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    images, indices = images[:64], indices[:64]
    labels = case.network(torch.from_numpy(images)).argmax(1).numpy()
    threats = [ThreatModel(0.05), ThreatModel(0.2)]
    attacks = [Noise(), FGSM(), Noise("gaussian"), PGD(steps=3)]
    arguments = (case.model, case.deployment, images, labels, indices, backend("simulator"))
    result = evaluate(*arguments, attacks, threats)
    gaps = random_gaps(result)
    assert [gap.epsilon for gap in gaps] == [0.05, 0.2]
    for position, gap in enumerate(gaps):
        noise, fgsm, gaussian, pgd = (
            o.executed.correct for o in result.outcomes[4 * position : 4 * position + 4]
        )
        assert gap.random == (noise & gaussian & result.clean.correct).mean()
        assert gap.adversarial == (fgsm & pgd & result.clean.correct).mean()
        assert gap.gap == gap.random - gap.adversarial > 0
    with pytest.raises(SettingsError, match="needs a noise attack and one with gradients"):
        random_gaps(evaluate(*arguments, [PGD(steps=1)], threats[:1]))


def test_no_images_are_refused():
    with pytest.raises(DataError, match="no images"):
        gradient_sparsity(Pair(), np.zeros((0, 1, 1, 3), np.float32), np.zeros(0, int), np.arange(0))
    assert RandomGap(0.1, 0.75, 0.5).gap == 0.25
