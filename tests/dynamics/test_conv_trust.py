"""The check of the compiled convolution at its first use."""

from __future__ import annotations

import pytest

from lavarobust.dynamics import conv_trust


@pytest.fixture
def fresh():
    conv_trust.trusted.cache_clear()
    yield
    conv_trust.trusted.cache_clear()


def test_it_is_right_here(fresh) -> None:
    assert conv_trust.trusted()


def test_one_wrong_spike_is_found(fresh, monkeypatch) -> None:
    real = conv_trust.run

    def wrong(*given):
        made = real(*given)
        made.spikes[-1, -1, -1] = 1 - made.spikes[-1, -1, -1]
        return made

    monkeypatch.setattr(conv_trust, "run", wrong)
    assert not conv_trust.trusted()


@pytest.mark.parametrize("which", [0, 1])
def test_one_wrong_gradient_is_found(fresh, monkeypatch, which) -> None:
    real = conv_trust.go_back

    def wrong(*given):
        gradients = real(*given)
        gradients[which].reshape(-1)[3] += 1e-2 * abs(gradients[which]).max()
        return gradients

    monkeypatch.setattr(conv_trust, "go_back", wrong)
    assert not conv_trust.trusted()


def test_no_sum_exceeds_its_reach() -> None:
    import torch

    assert conv_trust.reach(torch.tensor([[[[3.0, -4.0]]], [[[1.0, 1.0]]]])) == 7
