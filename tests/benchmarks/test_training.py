"""The training step's benchmark, on a small batch."""

from __future__ import annotations

import pytest

from benchmarks import training


def test_both_sides_spike_alike_and_step() -> None:
    for call in training.both(steps=8, batch=2).values():
        call()


def test_other_spikes_are_found(monkeypatch) -> None:
    real = training.spikes_of_stock
    monkeypatch.setattr(training, "spikes_of_stock", lambda *given: 1 - real(*given))
    with pytest.raises(AssertionError, match="spikes differ"):
        training.both(steps=8, batch=2)


def test_each_step_begins_without_gradients() -> None:
    calls = training.both(steps=8, batch=2)
    blocks = calls["our"].args[0]
    found = []
    for _ in range(2):
        calls["our"]()
        found.append(blocks[0].synapse.weight.grad.clone())
    assert found[0].any() and (found[0] == found[1]).all()


def test_memory_is_that_of_steps_alone(monkeypatch) -> None:
    monkeypatch.setattr(training, "MEMORY_STEPS", 1)
    monkeypatch.setattr(training, "BATCH", 4)
    assert 0 <= training.growth("our", 8) < 200
