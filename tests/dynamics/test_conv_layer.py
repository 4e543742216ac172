"""A convolution and its neurons in one step against their sums and neurons one after the other."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lavarobust.dynamics import LIF, SURROGATES, Convolution, Surrogate, conv_layer, integrate_conv

PLAIN = Convolution((1, 1), (1, 1), (1, 1), 1)
STRIDED = Convolution((2, 2), (1, 1), (1, 1), 1)


def both(monkeypatch, frames, weight, convolution, steps, neuron, bias=None):
    """Trajectory and gradients of the compiled loops and of the reference, after seeing which ran."""
    results, used = [], []
    real = conv_layer.run
    for trusted in (True, False):
        with monkeypatch.context() as patch:
            patch.setattr(conv_layer, "trusted", lambda trusted=trusted: trusted)
            patch.setattr(conv_layer, "run", lambda *given: used.append(1) or real(*given))
            leaves = [
                None if tensor is None else tensor.clone().requires_grad_()
                for tensor in (frames, weight, bias)
            ]
            run = integrate_conv(leaves[0], leaves[1], convolution, steps, neuron, leaves[2])
            generator = torch.Generator().manual_seed(5)
            wanted = torch.randn(run.spikes.shape, generator=generator)
            ends = 1e-3 * (run.end.potential * wanted[0]).sum() + 1e-3 * (run.end.current * wanted[-1]).sum()
            ((run.spikes * wanted).sum() + ends).backward()
            results.append((run, [None if leaf is None else leaf.grad for leaf in leaves]))
    return results, len(used)


def assert_alike(results) -> None:
    (ours, mine), (reference, theirs) = results
    assert torch.equal(ours.spikes, reference.spikes)
    assert torch.equal(ours.wraps, reference.wraps) and torch.equal(ours.clips, reference.clips)
    for name in ("current", "potential"):
        one, other = (getattr(run.end, name).detach().double() for run in (ours, reference))
        assert torch.equal(one, other), name
    # beyond 2**24 the reference's own are rounded to float32
    peaks = [torch.tensor([run.peak_current, run.peak_potential]).float() for run in (ours, reference)]
    assert torch.equal(*peaks)
    for one, other in zip(mine, theirs, strict=True):
        if one is not None:
            assert one.shape == other.shape
            assert (one - other).abs().max() <= 1e-5 * other.abs().max()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_same_integers_and_gradients(data) -> None:
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**31)))
    groups = data.draw(st.sampled_from([1, 1, 3]))
    channels, outputs = (groups * data.draw(st.integers(1, 9)) for _ in range(2))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride, dilation = data.draw(pair), data.draw(pair), data.draw(st.sampled_from([(1, 1), (2, 1)]))
    convolution = Convolution(
        stride, data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))), dilation, groups
    )
    shape = (channels, data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9)))
    frames_count, trailing, samples = (data.draw(st.integers(1, 3)) for _ in range(3))
    largest = data.draw(st.sampled_from([1, 1, 60, 400]))
    frames = torch.randint(
        -largest + (largest == 1), largest + 1, (frames_count, samples, *shape), generator=generator
    )
    weight = 2.0 * torch.randint(-127, 128, (outputs, channels // groups, *kernel), generator=generator)
    assume(min(convolution.geometry(shape, weight.shape).outputs) > 0)
    bias = 64.0 * torch.randint(-900, 900, (outputs, 1, 1), generator=generator)
    decays = st.sampled_from([0, 4096, 256, 3000])
    neuron = LIF(
        data.draw(decays),
        data.draw(decays),
        data.draw(st.sampled_from([0, 500, 5_000, 131_072])),
        Surrogate(data.draw(st.sampled_from(list(SURROGATES))), 1.3, data.draw(st.booleans())),
        data.draw(st.sampled_from(["hard", "soft"])),
    )
    with pytest.MonkeyPatch.context() as monkeypatch:
        results, used = both(
            monkeypatch, frames.float(), weight, convolution, frames_count + trailing - 1, neuron,
            data.draw(st.sampled_from([None, bias])),
        )  # fmt: skip
    assert used in (1, 2)
    assert_alike(results)


def test_inputs_have_the_same_gradient_where_the_weight_needs_none() -> None:
    generator = torch.Generator().manual_seed(2)
    weight = 2.0 * torch.randint(-20, 40, (12, 3, 3, 3), generator=generator)
    found = []
    for learns in (True, False):
        frames = torch.randint(0, 2, (4, 2, 3, 8, 8), generator=generator.manual_seed(3)).float()
        leaves = frames.requires_grad_(), weight.clone().requires_grad_(learns)
        integrate_conv(*leaves, STRIDED, 5, LIF(4096, 256, 150)).spikes.sum().backward()
        found.append(leaves[0].grad)
        assert (leaves[1].grad is None) != learns
    assert found[0].any() and found[0].numpy().tobytes() == found[1].numpy().tobytes()


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_threshold_and_leak_learn_the_same(monkeypatch, reset) -> None:
    generator = torch.Generator().manual_seed(6)
    frames = (torch.rand(4, 3, 2, 9, 9, generator=generator) < 0.4).float()
    weight = 2.0 * torch.randint(-20, 40, (5, 2, 3, 3), generator=generator)
    neuron = LIF(4096, 256, 150, Surrogate(through_reset=True), reset)
    learnt = []
    for trusted in (True, False):
        monkeypatch.setattr(conv_layer, "trusted", lambda trusted=trusted: trusted)
        threshold, keep = torch.tensor(150.0, requires_grad=True), torch.tensor(0.9375, requires_grad=True)
        run = integrate_conv(frames, weight, PLAIN, 6, neuron, threshold=threshold, keep=keep)
        assert 0.05 < run.spikes.mean() < 0.6
        (run.spikes.sum() + 1e-3 * run.end.potential.sum()).backward()
        learnt.append((threshold.grad, keep.grad))
    assert all(learnt[0])
    torch.testing.assert_close(*learnt, rtol=1e-4, atol=0)


def test_wraps_clips_and_spikes_occur_in_what_is_compared(monkeypatch) -> None:
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(-100, 300, (5, 3, 3, 9, 11), generator=generator).float()
    weight = 2.0 * torch.randint(-127, 128, (5, 3, 3, 3), generator=generator)
    results, used = both(monkeypatch, frames, weight, PLAIN, 6, LIF(1000, 100, 100_000))
    assert used == 1
    assert_alike(results)
    run = results[0][0]
    assert run.wraps.any() and run.clips.any() and 0.05 < run.spikes.mean() < 0.95


def test_a_later_frame_may_exceed_the_first(monkeypatch) -> None:
    frames = torch.zeros(3, 2, 1, 4, 4)
    frames[2] = 7.0
    results, used = both(monkeypatch, frames, torch.full((2, 1, 3, 3), 40.0), PLAIN, 3, LIF(4096, 0, 900))
    assert used == 2
    assert_alike(results)
    assert results[0][0].spikes.any()


def test_no_result_depends_on_the_number_of_threads(monkeypatch) -> None:
    generator = torch.Generator().manual_seed(1)
    frames = (torch.rand(4, 5, 8, 12, 12, generator=generator) < 0.2).float()
    weight = 2.0 * torch.randint(-60, 61, (16, 8, 3, 3), generator=generator)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        leaves = frames.clone().requires_grad_(), weight.clone().requires_grad_()
        run = integrate_conv(*leaves, STRIDED, 4, LIF(4096, 256, 300))
        run.spikes.square().mean().backward()
        found.append((run.spikes.detach(), leaves[0].grad, leaves[1].grad))
    assert 0.005 < found[0][0].mean() < 0.95
    for other in found[1:]:
        assert all(torch.equal(mine, theirs) for mine, theirs in zip(found[0], other, strict=True))


@pytest.mark.parametrize(
    "change",
    [
        lambda frames, weight: (frames.double(), weight.double()),
        lambda frames, weight: (frames, weight + 0.25),
        lambda frames, weight: (frames * 0.5, weight),
        lambda frames, weight: (frames * 40_000, weight),
        lambda frames, weight: (frames, weight.repeat(800, 1, 1, 1)),
    ],
    ids=["double", "fractions of weights", "fractions of inputs", "sums that are cut", "many synapses"],
)
def test_what_the_loops_are_not_for_runs_as_before(monkeypatch, change) -> None:
    generator = torch.Generator().manual_seed(2)
    frames = torch.randint(0, 2, (2, 2, 2, 5, 5), generator=generator).float()
    weight = 2.0 * torch.randint(-100, 101, (3, 2, 3, 3), generator=generator)
    (ours, reference), _ = both(monkeypatch, *change(frames, weight), PLAIN, 3, LIF(4096, 0, 200))
    assert torch.equal(ours[0].spikes, reference[0].spikes) and ours[0].spikes.any()
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(ours[1][:2], reference[1][:2], strict=True))


def test_spikes_lie_with_their_channels_together_and_gradients_too() -> None:
    frames = torch.ones(2, 1, 1, 4, 4, requires_grad=True)
    spikes = integrate_conv(frames, torch.full((4, 1, 3, 3), 50.0), PLAIN, 2, LIF(4096, 0, 100)).spikes
    assert spikes.shape == (2, 1, 4, 4, 4) and spikes.movedim(2, -1).is_contiguous()
    spikes.sum().backward()
    assert frames.grad.shape == frames.shape


def test_where_nothing_is_asked_for_nothing_is_kept() -> None:
    frames = torch.ones(2, 1, 1, 4, 4)
    run = integrate_conv(frames, torch.full((4, 1, 3, 3), 50.0), PLAIN, 2, LIF(4096, 0, 100))
    assert run.spikes.any() and not run.spikes.requires_grad
