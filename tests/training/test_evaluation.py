from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lavarobust.training import evaluation
from lavarobust.training.evaluation import evaluate


def test_accuracy_loss_and_spike_rates_are_those_of_the_quantised_forward(make_network, data, monkeypatch):
    network = make_network()
    part = data.validation
    network.eval()
    with torch.no_grad():
        activity = network.activity(torch.from_numpy(part.images), part.indices)
    expected = float((activity.logits.argmax(1).numpy() == part.labels).mean())
    rate = activity.trajectories[0].spikes.mean().item()
    network.train()
    for batch in (256, 5):
        monkeypatch.setattr(evaluation, "EVALUATION_BATCH", batch)
        found = evaluate(network, part)
        assert found.accuracy == expected
        assert found.spike_rates == pytest.approx((rate, 0.0))
        assert found.loss == pytest.approx(
            torch.nn.functional.cross_entropy(activity.logits, torch.from_numpy(part.labels)).item(), rel=1e-5
        )


def test_a_tie_goes_to_the_lowest_class():
    network = SimpleNamespace(
        blocks=[],
        eval=lambda: None,
        parameters=lambda: iter([torch.zeros(1)]),
        activity=lambda images, indices: SimpleNamespace(logits=torch.zeros(len(images), 3), trajectories=[]),
    )
    labels = np.array([0, 1, 2, 0])
    examples = SimpleNamespace(images=np.zeros((4, 1, 1, 1), np.float32), labels=labels, indices=np.arange(4))
    assert evaluate(network, examples).accuracy == 0.5
