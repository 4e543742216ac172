"""The benchmark of what an attack asks, on a few samples."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import attack
from benchmarks.settings import Settings
from lavarobust.execution.simulator import compile_model


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(attack, "BATCHES", (4,))
    monkeypatch.setattr(attack, "digits", lambda data, samples: _noise(samples))


def _noise(samples: int) -> tuple[np.ndarray, str]:
    return np.random.default_rng(0).random((min(samples, 40), 1, 28, 28), dtype=np.float32), "noise"


def test_stock_blocks_count_the_same_spikes_and_have_a_gradient() -> None:
    model, _ = attack.deployed()
    images, _ = _noise(4)
    counts, gradient = attack.stock_step(attack.stock_blocks(compile_model(model)), images, np.arange(4))
    assert counts.any() and gradient.shape == images.shape and gradient.any()


def test_sides_agree(small, monkeypatch) -> None:
    assert not attack._gradients(Settings(repeats=1), 4).failures
    real = attack.stock_step
    monkeypatch.setattr(attack, "stock_step", lambda *given: (real(*given)[0] + 1, None))
    assert attack._gradients(Settings(repeats=1), 4).failures
