"""torch sends the integers that numpy sends, and passes gradients by the rounding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.encoding import encode
from lavarobust.encoding.straight_through import encode_shifted, encode_straight_through
from lavarobust.errors import DataError
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.mean_image import MeanImage


def assert_same_integers(encoding: Encoding, images: np.ndarray, steps: int, draw: int = 0) -> None:
    indices = np.arange(images.shape[0]) * 7
    frames = encode(encoding, images, steps, indices, draw).frames
    encoded = encode_straight_through(encoding, torch.from_numpy(images), steps, indices, draw)
    assert encoded.dtype == torch.float32
    assert encoded.is_contiguous()
    time_first = np.moveaxis(frames, -1, 0)
    assert encoded.shape == time_first.shape
    assert (encoded.numpy() == time_first).all()


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["direct", "repeat"]),
    levels=st.integers(1, 5000),
    statistics=st.none() | st.lists(st.tuples(st.floats(-1, 2), st.floats(0.003, 5)), min_size=3, max_size=3),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 10_000),
)
def test_analog_integers_are_equal(kind, levels, statistics, dtype, seed):
    mean, std = zip(*statistics, strict=True) if statistics else ((), ())
    images = np.random.default_rng(seed).random((2, 3, 5, 5)).astype(dtype)
    # Pixels on a grid of sixteenths meet exact halves.
    images[0] = np.round(images[0] * 16) / 16
    assert_same_integers(Encoding(kind, levels=levels, mean=mean, std=std), images, 3)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), steps=st.integers(1, 6), draw=st.integers(0, 5))
def test_rate_spikes_are_equal(seed, steps, draw):
    images = np.random.default_rng(3).random((3, 2, 4, 4)).astype(np.float32)
    assert_same_integers(Encoding("rate", seed=seed), images, steps, draw)


@pytest.mark.parametrize("kind, repetitions", [("direct", 1), ("repeat", 4)])
def test_gradient_is_levels_over_std(kind, repetitions):
    images = torch.rand((2, 2, 3, 3), generator=torch.Generator().manual_seed(0), requires_grad=True)
    encoding = Encoding(kind, levels=100, mean=(0.4, 0.5), std=(0.25, 0.5))
    encode_straight_through(encoding, images, 4, np.arange(2)).sum().backward()
    assert images.grad is not None
    assert (images.grad[:, 0] == 400 * repetitions).all()
    assert (images.grad[:, 1] == 200 * repetitions).all()


def test_gradient_of_a_rate_spike_is_one():
    images = torch.rand((2, 1, 3, 3), generator=torch.Generator().manual_seed(0), requires_grad=True)
    encoded = encode_straight_through(Encoding("rate"), images, 5, torch.arange(2))
    weights = torch.arange(5.0)[:, None, None, None, None].expand_as(encoded)
    (encoded * weights).sum().backward()
    assert images.grad is not None
    assert (images.grad == 0 + 1 + 2 + 3 + 4).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), steps=st.integers(1, 6), draw=st.integers(0, 5))
def test_signed_rate_spikes_are_equal(seed, steps, draw):
    rng = np.random.default_rng(3)
    encoding = Encoding("signed_rate", seed=seed, mean_image=MeanImage(rng.random((2, 4, 4))))
    assert_same_integers(encoding, rng.random((3, 2, 4, 4)).astype(np.float32), steps, draw)


def test_gradient_of_signed_rate_is_the_slope_of_what_its_frames_add_up_to_on_average():
    # sum over 5 frames of t * z(t): each z(t) averages to x - mean, so the slope is 0 + 1 + 2 + 3 + 4,
    # on either side of the mean; the published mean over frames would make it a fifth
    mean, weights = 0.5, torch.arange(5.0)[:, None, None, None, None]
    encoding = Encoding("signed_rate", mean_image=MeanImage(np.full((1, 60, 60), mean)))
    averages = []
    for pixel in (0.25, 0.75):
        images = torch.full((4, 1, 60, 60), pixel, requires_grad=True)
        value = (encode_straight_through(encoding, images, 5, torch.arange(4)) * weights).sum(0)
        value.sum().backward()
        assert (images.grad == 10).all()
        averages.append(float(value.detach().mean()))
    # 14,400 values of standard deviation below sqrt(30) * 0.44 = 2.4
    assert abs((averages[1] - averages[0]) / 0.5 - 10) < 2 * 6 * 2.4 / 120


@settings(max_examples=40, deadline=None)
@given(levels=st.integers(1, 300), steps=st.integers(1, 5), seed=st.integers(0, 10_000))
def test_event_frames_are_equal(levels, steps, seed):
    images = np.random.default_rng(seed).random((3, 2, 4, 4, steps)).astype(np.float32)
    images[0] = np.round(images[0] * 2) / 2
    assert_same_integers(Encoding("frames", levels=levels), images, steps)


def test_gradient_of_a_frame_comes_from_its_own_step():
    frames = torch.rand((2, 1, 3, 3, 4), generator=torch.Generator().manual_seed(0), requires_grad=True)
    encoded = encode_straight_through(Encoding("frames", levels=3), frames, 4, torch.arange(2))
    weights = torch.arange(4.0)[:, None, None, None, None].expand_as(encoded)
    (encoded * weights).sum().backward()
    assert frames.grad is not None
    for step in range(4):
        assert (frames.grad[..., step] == 3 * step).all()


@pytest.mark.parametrize("value", [-0.001, 1.001, float("nan")])
def test_pixels_outside_the_range_are_refused(value):
    with pytest.raises(DataError, match="from 0 to 1"):
        encode_straight_through(Encoding("direct"), torch.full((1, 1, 1, 1), value), 1, np.arange(1))


def test_no_image_gives_no_frame():
    empty = np.zeros((0, 1, 2, 2), np.float32)
    for kind in ("direct", "repeat", "rate"):
        assert_same_integers(Encoding(kind), empty, 3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_rounds_as_numpy_does():
    images = np.random.default_rng(5).random((16, 3, 32, 32)).astype(np.float32)
    encoding = Encoding("direct", levels=4095, mean=(0.4914, 0.4822, 0.4465), std=(0.247, 0.2435, 0.2616))
    encoded = encode_straight_through(encoding, torch.from_numpy(images).cuda(), 1, np.arange(16))
    assert (encoded[0].cpu().numpy() == encode(encoding, images, 1, np.arange(16)).frames[..., 0]).all()


def test_a_shift_below_a_level_stays_behind_the_rounding():
    images = torch.tensor([0.0, 0.5]).view(1, 1, 1, 2)
    shift = torch.tensor([-0.015625, 0.03125]).view(1, 1, 1, 2)
    frames = encode_shifted(Encoding("direct", levels=16), images, shift, 4, np.arange(1))
    assert frames.flatten().tolist() == [-0.25, 8.5]
    encoding = Encoding("repeat", levels=16, mean=(0.25,), std=(0.5,))
    frames = encode_shifted(encoding, images, shift, 3, np.arange(1))
    assert frames[2].flatten().tolist() == [-8 - 0.5, 8 + 1]
    events, moved = torch.eye(2).view(1, 1, 1, 2, 2), torch.full((1, 1, 1, 2, 2), 0.25)
    moved[..., 0] = -0.25  # frame 0 goes down, frame 1 up
    frames = encode_shifted(Encoding("frames", levels=1), events, moved, 2, np.arange(1))
    assert frames.flatten(1).tolist() == [[0.75, -0.25], [0.25, 1.25]]


def test_a_shifted_drawn_encoding_takes_the_draws_of_the_unshifted_one():
    images = torch.tensor([0.0, 1.0, 0.5]).view(3, 1, 1, 1).expand(3, 1, 20, 20)
    shift = torch.tensor([-0.0625, 0.0625, 0.0625]).view(3, 1, 1, 1).expand_as(images)
    spikes = encode_shifted(Encoding("rate"), images, shift, 50, np.arange(3))
    before = encode_straight_through(Encoding("rate"), images, 50, np.arange(3))
    assert torch.equal(spikes[:, :2], before[:, :2])  # below 0 never and above 1 always
    assert ((spikes - before)[:, 2] >= 0).all()
    # 20,000 draws of standard deviation 0.24
    assert abs(float((spikes - before)[:, 2].mean()) - 0.0625) < 6 * 0.24 / 141
