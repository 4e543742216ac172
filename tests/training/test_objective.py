from __future__ import annotations

import pytest
import torch
from linear_training import Linear, batch

from lavarobust.training.objective import Vanilla


def test_vanilla_is_the_cross_entropy():
    network = Linear()
    (loss,) = Vanilla().losses(network, batch([0.7, 0.2]))
    assert loss.value.item() == pytest.approx(float(torch.log1p(torch.exp(torch.tensor(-0.5)))))
    assert loss.logits.tolist() == [[pytest.approx(0.5), 0.0]]
