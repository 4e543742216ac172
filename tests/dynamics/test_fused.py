"""The compiled engine against the stepwise one: the same integers, and the same gradients up to rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.dynamics import LIF, SURROGATES, State, Surrogate, fused, stepwise
from lavarobust.dynamics.back_kernels import slopes
from lavarobust.dynamics.kernels import BLOCK
from lavarobust.dynamics.population import make_window


def random_window(rng, neuron, magnitude, shape=(3, 4, 5), frames=4, steps=6, keep=True):
    """Sums of full range with random biases and start states."""
    sums = torch.tensor(rng.integers(-magnitude, magnitude + 1, (frames, *shape)), dtype=torch.float64)
    bias = torch.tensor(rng.integers(-4096, 4096, shape[1:]) * 64, dtype=torch.float64)
    limit = (1 << 23) - 1
    potential = torch.tensor(rng.integers(-limit, limit + 1, shape), dtype=torch.float64)
    current = torch.tensor(rng.integers(-1000, 1000, shape) * 64, dtype=torch.float64)
    return make_window(sums, bias, State(current, potential), steps, neuron, keep)


def assert_alike(ours, reference) -> None:
    for name in ("spikes", "before_reset", "wraps", "clips"):
        assert torch.equal(getattr(ours, name), getattr(reference, name)), name
    assert torch.equal(ours.end.current, reference.end.current)
    assert torch.equal(ours.end.potential, reference.end.potential)
    assert (ours.peak_current, ours.peak_potential) == (reference.peak_current, reference.peak_potential)


decays = st.one_of(st.sampled_from([0, 4096]), st.integers(0, 4096))


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    current_decay=decays,
    voltage_decay=decays,
    threshold=st.sampled_from([0, 1, 4095, 4097, 131_071, 131_072]),
    magnitude=st.sampled_from([10, 2_000, 131_072, 3_000_000]),
    reset=st.sampled_from(["hard", "soft"]),
)
def test_the_same_integers(seed, current_decay, voltage_decay, threshold, magnitude, reset) -> None:
    neuron = LIF(current_decay, voltage_decay, threshold, reset=reset)
    window = random_window(np.random.default_rng(seed), neuron, magnitude)
    assert_alike(fused.run(window), stepwise.run(window))


def test_wraps_clips_and_spikes_occur_in_what_is_compared() -> None:
    window = random_window(np.random.default_rng(0), LIF(1000, 100, 100_000), 300_000)
    outcome = fused.run(window)
    assert outcome.wraps.any() and outcome.clips.any() and 0.05 < outcome.spikes.mean() < 0.95


def test_decays_of_each_channel() -> None:
    rng = np.random.default_rng(1)
    per_channel = torch.tensor(rng.integers(0, 4097, (4, 1)), dtype=torch.float64)
    window = random_window(rng, LIF(per_channel, per_channel.flip(0), 500), 2_000)
    assert_alike(fused.run(window), stepwise.run(window))


def test_more_neurons_than_a_block_and_more_samples_than_threads(monkeypatch) -> None:
    rng = np.random.default_rng(2)
    window = random_window(rng, LIF(4096, 0, 500), 2_000, shape=(5, BLOCK + 7))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert window.sums.numel() > fused._SMALL / 2
    monkeypatch.setattr(fused, "_SMALL", 1)
    assert_alike(fused.run(window), stepwise.run(window))


def test_each_sample_may_have_its_own_bias_and_the_input_is_left_alone() -> None:
    rng = np.random.default_rng(3)
    sums = torch.tensor(rng.integers(-50, 50, (1, 3, 4)), dtype=torch.float32)
    bias = torch.tensor(rng.integers(0, 100, (3, 4)) * 64, dtype=torch.float32)
    zero = torch.zeros(3, 4)
    window = make_window(sums, bias, State(zero, zero), 5, LIF(0, 0, 200), keep=True)
    assert_alike(fused.run(window), stepwise.run(window))
    assert not zero.any()


@pytest.mark.parametrize("name", list(SURROGATES))
@pytest.mark.parametrize("width", [0.5, 1.0, 3.0])
def test_slopes_equal_the_surrogates(name, width) -> None:
    z = torch.linspace(-4, 4, 33)
    threshold, ours = 640.0, np.zeros(33, dtype=np.float32)
    potential = ((z + 1) * threshold).numpy()
    code, numbers = list(SURROGATES).index(name), np.float32([threshold, width, 0.3])
    slopes(code, potential, *numbers, ours)
    surrogate = Surrogate(name, width, scale=0.3)
    reference = surrogate.derivative(torch.from_numpy(potential) / threshold - 1) / threshold
    torch.testing.assert_close(torch.from_numpy(ours), reference, rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("name", list(SURROGATES))
@pytest.mark.parametrize("through_reset", [False, True])
@pytest.mark.parametrize(("current_decay", "voltage_decay"), [(4096, 0), (0, 0), (1000, 300)])
@pytest.mark.parametrize(("reset", "relative"), [("hard", True), ("soft", True), ("soft", False)])
def test_the_same_gradients(name, through_reset, current_decay, voltage_decay, reset, relative) -> None:
    rng = np.random.default_rng(4)
    surrogate = Surrogate(name, 1.3, through_reset, 0.7, relative)
    neuron = LIF(current_decay, voltage_decay, 2_000, surrogate, reset)
    window = random_window(rng, neuron, 3_000)
    before_reset = stepwise.run(window).before_reset
    given = [
        torch.tensor(rng.normal(size=size), dtype=torch.float32) for size in ((6, 3, 4, 5), *[(3, 4, 5)] * 2)
    ]
    start = window.start.potential.float()
    ours = fused.go_back(before_reset, 4, neuron, *given, start)
    reference = stepwise.go_back(before_reset, 4, neuron, *given, start)
    assert reference.threshold != 0 and reference.keep != 0
    for mine, theirs in zip(vars(ours).values(), vars(reference).values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5, check_dtype=False)
    assert fused.go_back(before_reset, 4, neuron, *given).threshold is None


def test_a_readout_has_no_slope() -> None:
    neuron = LIF(4096, 0, 131_072)
    before_reset, ones = torch.zeros(3, 2, 4), torch.ones(2, 4)
    gradients = fused.go_back(before_reset, 3, neuron, torch.ones(3, 2, 4), torch.zeros(2, 4), ones)
    assert torch.equal(gradients.sums, torch.full((3, 2, 4), 64.0))


def test_loops_are_trusted_here_and_not_where_they_are_wrong(monkeypatch) -> None:
    assert fused.trusted()

    def wrong(*arguments):
        return None

    monkeypatch.setattr(fused, "run_kernel", wrong)
    fused.trusted.cache_clear()
    try:
        assert not fused.trusted()
    finally:
        monkeypatch.undo()
        fused.trusted.cache_clear()


def test_sums_beyond_32_bits_and_nan_are_left_to_the_stepwise_engine(monkeypatch) -> None:
    from lavarobust.dynamics import integrate

    monkeypatch.setattr(fused, "run", None)
    huge = torch.full((2, 1, 1), 3e7)
    assert integrate(huge, 2, LIF(0, 0, 100)).wraps.sum() > 0
    assert integrate(torch.full((2, 1, 1), float("nan")), 2, LIF(4096, 0, 100)).end.potential.isnan().all()
