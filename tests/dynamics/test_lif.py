"""The fused neuron against Lava's integer rules written out in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.dynamics import LIF, State, Surrogate, integrate

HALF = 1 << 23


def _int32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def _truncate(value: int) -> int:
    return (abs(value) >> 12) * (1 if value >= 0 else -1)


def one_neuron(sums, current_decay, voltage_decay, threshold, bias, reset="hard", u=0, v=0):
    """Spikes, states, wraps and clips of one neuron in Python integers."""
    spikes, wraps, clips = [], [], []
    for total in sums:
        u = _int32(_truncate(u * (4096 - current_decay)) + total * 64)
        wrapped = u
        if u > HALF:
            wrapped = u - 2 * HALF
        if wrapped <= -HALF:
            wrapped = u + 2 * HALF
        wraps.append(int(wrapped != u))
        u = wrapped
        v = _int32(_truncate(v * (4096 - voltage_decay)) + u + bias)
        clips.append(int(abs(v) > HALF - 1))
        v = max(-(HALF - 1), min(HALF - 1, v))
        spikes.append(int(v > threshold * 64))
        if spikes[-1]:
            v = v - threshold * 64 if reset == "soft" else 0
    return spikes, u, v, wraps, clips


decays = st.one_of(st.sampled_from([0, 4096]), st.integers(0, 4096))
magnitudes = st.sampled_from([10, 1000, 130_000, 1_000_000, 30_000_000])


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    current_decay=decays,
    voltage_decay=decays,
    threshold=st.sampled_from([0, 1, 100, 4095, 4097, 70_000, 131_071, 131_072]),
    magnitude=magnitudes,
    frames=st.integers(1, 7),
    trailing=st.integers(0, 4),
    reset=st.sampled_from(["hard", "soft"]),
)
def test_equals_python_integers(
    seed, current_decay, voltage_decay, threshold, magnitude, frames, trailing, reset
) -> None:
    rng = np.random.default_rng(seed)
    steps = frames + trailing
    sums = rng.integers(-magnitude, magnitude + 1, size=(frames, 3, 4))
    bias = rng.integers(-32768, 32768, size=4) * 64
    exact_sums = torch.tensor(sums, dtype=torch.float64)
    neuron = LIF(current_decay, voltage_decay, threshold, reset=reset)
    run = integrate(exact_sums, steps, neuron, torch.tensor(bias, dtype=torch.float64))
    expected_wraps = np.zeros((steps, 3), dtype=int)
    expected_clips = np.zeros((steps, 3), dtype=int)
    for sample in range(3):
        for unit in range(4):
            series = [*sums[:, sample, unit].tolist(), *([0] * trailing)]
            spikes, u, v, wraps, clips = one_neuron(
                series, current_decay, voltage_decay, threshold, int(bias[unit]), reset
            )
            assert run.spikes[:, sample, unit].tolist() == spikes
            assert int(run.end.current[sample, unit]) == u
            assert int(run.end.potential[sample, unit]) == v
            expected_wraps[:, sample] += wraps
            expected_clips[:, sample] += clips
    assert (run.wraps.numpy() == expected_wraps).all()
    assert (run.clips.numpy() == expected_clips).all()


def test_float32_and_float64_sums_give_the_same_integers() -> None:
    rng = np.random.default_rng(3)
    sums = torch.tensor(rng.integers(-60_000, 60_000, size=(8, 5, 20)), dtype=torch.float32)
    for neuron in (LIF(4096, 0, 5000), LIF(4096, 128, 5000), LIF(0, 0, 100_000), LIF(1024, 128, 5000)):
        narrow, wide = integrate(sums, 8, neuron), integrate(sums.double(), 8, neuron)
        assert torch.equal(narrow.spikes, wide.spikes.float())
        assert torch.equal(narrow.end.potential.double(), wide.end.potential.double())
        assert 0 < narrow.spikes.mean() < 1


def test_split_window_continues_where_it_stopped() -> None:
    rng = np.random.default_rng(4)
    sums = torch.tensor(rng.integers(-300, 400, size=(9, 2, 6)), dtype=torch.float32)
    neuron = LIF(1000, 300, 500)
    whole = integrate(sums, 9, neuron)
    first = integrate(sums[:4], 4, neuron)
    second = integrate(sums[4:], 5, neuron, start=first.end)
    assert torch.equal(torch.cat([first.spikes, second.spikes]), whole.spikes)
    assert torch.equal(second.end.potential, whole.end.potential)
    assert whole.spikes.any()


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("through_reset", [False, True])
@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("current_decay", "voltage_decay"), [(4096, 0), (0, 0), (2048, 1024)])
def test_backward_equals_autograd_of_the_unfused_neuron(
    reset, through_reset, relative, current_decay, voltage_decay
) -> None:
    surrogate = Surrogate("triangular", 0.7, through_reset, 0.3, relative)
    neuron = LIF(current_decay, voltage_decay, 50, surrogate, reset)
    rng = np.random.default_rng(5)
    # multiples of 64 * 4096 keep every decay exact, so truncation has nothing to hide
    values = rng.integers(-40, 60, size=(5, 2, 3)).astype(np.float64)
    sums = torch.tensor(values, requires_grad=True)
    bias = torch.full((3,), 128.0, dtype=torch.float64, requires_grad=True)
    threshold = torch.tensor(50.0, requires_grad=True)
    keep = torch.tensor(1 - voltage_decay / 4096, requires_grad=True)
    run = integrate(sums, 6, neuron, bias, threshold=threshold, keep=keep)
    weights = torch.tensor(rng.normal(size=(6, 2, 3)))
    ((run.spikes * weights).sum() + run.end.potential.sum() / 1000).backward()

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, z):
            ctx.save_for_backward(z)
            return (z > 0).double()

        @staticmethod
        def backward(ctx, grad):
            (z,) = ctx.saved_tensors
            return grad * surrogate.derivative(z)

    reference = torch.tensor(values, requires_grad=True)
    reference_bias = torch.full((3,), 128.0, dtype=torch.float64, requires_grad=True)
    reference_threshold = torch.tensor(50.0, dtype=torch.float64, requires_grad=True)
    reference_keep = torch.tensor(1 - voltage_decay / 4096, dtype=torch.float64, requires_grad=True)
    level = reference_threshold * 64
    u = v = torch.zeros(2, 3, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for step in range(6):

        def leak(state, share):
            kept = state * share
            return kept + (kept.trunc() - kept).detach()

        u = leak(u, 1 - current_decay / 4096) + (reference[step] * 64 if step < 5 else 0)
        v = leak(v, reference_keep) + u + reference_bias
        spike = Spike.apply(v / level - 1 if relative else (v - level) / (50 * 64))
        assert torch.equal(spike.detach(), run.spikes[step].detach())
        total = total + (spike * weights[step]).sum()
        spike = spike if through_reset else spike.detach()
        v = v - spike * (v if reset == "hard" else level)
    (total + v.sum() / 1000).backward()
    assert run.spikes.any()
    torch.testing.assert_close(sums.grad, reference.grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(bias.grad, reference_bias.grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(threshold.grad.double(), reference_threshold.grad, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(keep.grad.double(), reference_keep.grad, rtol=1e-5, atol=1e-4)


def test_gradients_of_threshold_and_leak_by_hand() -> None:
    """HIRE-SNN's neuron (Kundu et al. 2021): threshold 10, leak 3/4, inputs 8, 12 and 2.

    Potentials m = 8; 0.75 * 8 + 12 = 18, a spike, 8 left; 0.75 * 8 + 2 = 8. With z = m / 10 - 1 the slopes
    0.3 * max(0, 1 - |z|) are 0.24, 0.06 and 0.24. The loss is the sum of the spikes plus the potential at
    the end, so that each potential's gradient g is, back from the last step,
    g3 = 1 + 0.24 / 10, g2 = 0.75 * g3 + 0.06 / 10, g1 = 0.75 * g2 + 0.24 / 10.
    The threshold's is the sum of -slope * m / 10**2 over the steps, and minus what the spike hands on
    of g3; the leak's is g2 * 8 (left by step 1) + g3 * 8 (by step 2). All in units of a sum.
    """
    neuron = LIF(4096, 1024, 10, Surrogate(scale=0.3), "soft")
    sums = torch.tensor([8.0, 12.0, 2.0]).view(3, 1, 1).requires_grad_()
    threshold, keep = torch.tensor(10.0, requires_grad=True), torch.tensor(0.75, requires_grad=True)
    run = integrate(sums, 3, neuron, threshold=threshold, keep=keep)
    assert run.spikes.flatten().tolist() == [0, 1, 0] and run.end.potential.item() == 8 * 64
    (run.spikes.sum() + run.end.potential.sum() / 64).backward()
    g3 = 1 + 0.024
    g2 = 0.75 * g3 + 0.006
    g1 = 0.75 * g2 + 0.024
    torch.testing.assert_close(sums.grad.flatten(), torch.tensor([g1, g2, g3]))
    through_distance = 0.24 * 0.08 + 0.06 * 0.18 + 0.24 * 0.08
    torch.testing.assert_close(threshold.grad, torch.tensor(-through_distance - 0.75 * g3))
    torch.testing.assert_close(keep.grad, torch.tensor(8 * g2 + 8 * g3))


def test_readout_neuron_never_spikes_and_passes_gradient_to_its_potential() -> None:
    sums = torch.full((4, 1, 2), 100_000.0, requires_grad=True)
    run = integrate(sums, 4, LIF(4096, 0, 131_072))
    assert not run.spikes.any()
    assert run.end.potential.tolist() == [[HALF - 1, HALF - 1]]
    assert run.clips.sum() == 6
    run.end.potential.sum().backward()
    assert torch.equal(sums.grad, torch.full((4, 1, 2), 64.0))


def test_state_can_start_anywhere() -> None:
    start = State(torch.tensor([[640.0]]), torch.tensor([[6401.0]]))
    run = integrate(torch.tensor([[[-10.0]]]), 1, LIF(0, 0, 100), start=start)
    assert run.spikes.item() == 1 and run.end.current.item() == 0 and run.end.potential.item() == 0
