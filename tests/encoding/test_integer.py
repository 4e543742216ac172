"""Pixels to integers, against values worked out by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.encoding import encode, input_range
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.mean_image import MeanImage


def pixels(*values: float) -> np.ndarray:
    """One image per value, one pixel each: ``(N, 1, 1, 1)`` float32."""
    return np.array(values, np.float32).reshape(-1, 1, 1, 1)


def signed(mean) -> Encoding:
    return Encoding("signed_rate", mean_image=MeanImage(np.asarray(mean)))


def keys(count: int) -> np.ndarray:
    return np.arange(count, dtype=np.int64)


def test_direct_sends_one_frame_with_halves_rounded_to_even():
    stimulus = encode(Encoding("direct", levels=4), pixels(0, 0.125, 0.375, 0.5, 0.625, 1), 7, keys(6))
    assert stimulus.steps == 7
    assert stimulus.frames.dtype == np.int32
    assert stimulus.frames.shape == (6, 1, 1, 1, 1)
    assert stimulus.frames.ravel().tolist() == [0, 0, 2, 2, 2, 4]


def test_eight_bit_pixels_come_back():
    levels = np.arange(256, dtype=np.float32) / np.float32(255)
    stimulus = encode(Encoding("direct"), pixels(*levels), 1, keys(256))
    assert stimulus.frames.ravel().tolist() == list(range(256))


def test_mean_and_std_make_signed_integers_per_channel():
    images = np.array([[[[0.0, 1.0]], [[0.5, 0.25]]]], np.float32)
    encoding = Encoding("direct", levels=10, mean=(0.5, 0.25), std=(0.25, 0.5))
    # (0 - 0.5) / 0.25 * 10 = -20;  (0.5 - 0.25) / 0.5 * 10 = 5
    assert encode(encoding, images, 1, keys(1)).frames[0, :, 0, :, 0].tolist() == [[-20, 20], [5, 0]]


def test_repeat_sends_the_same_frame_at_every_step():
    images = pixels(0.2, 0.8)
    once = encode(Encoding("direct"), images, 3, keys(2)).frames
    repeated = encode(Encoding("repeat"), images, 3, keys(2)).frames
    assert repeated.shape == (2, 1, 1, 1, 3)
    assert (repeated == once).all()


def test_rate_spikes_where_the_pixel_is_above_its_draw():
    # The first draws of seed 0, sample 0 are 0.0115, 0.2415 and 0.1114 (test_draws.py).
    frames = encode(Encoding("rate"), pixels(0.15), 3, keys(1)).frames
    assert frames[0, 0, 0, 0].tolist() == [1, 0, 1]


def test_rate_never_spikes_at_zero_and_always_at_one():
    frames = encode(Encoding("rate", seed=9), pixels(0, 1), 500, keys(2)).frames
    assert frames[0].sum() == 0
    assert frames[1].sum() == 500


def test_rate_spikes_with_the_pixels_probability():
    image = np.full((1, 1, 50, 50), 0.3, np.float32)
    frames = encode(Encoding("rate"), image, 20, keys(1)).frames
    # 50,000 draws have a standard deviation of 0.002.
    assert abs(frames.mean() - 0.3) < 0.01


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(6)), kept=st.integers(1, 6), seed=st.integers(0, 2**64 - 1))
def test_a_samples_spikes_do_not_depend_on_its_batch(order, kept, seed):
    images = np.random.default_rng(1).random((6, 2, 3, 3)).astype(np.float32)
    indices = np.array([4, 0, 77, 59_999, 5, 6])
    encoding = Encoding("rate", seed=seed)
    together = encode(encoding, images, 4, indices).frames
    chosen = list(order)[:kept]
    assert (encode(encoding, images[chosen], 4, indices[chosen]).frames == together[chosen]).all()


def test_signed_rate_spikes_with_the_sign_of_the_difference_from_the_mean():
    # the first draws are 0.0115, 0.2415 and 0.1114 again; 0.25 - 0.5 and 0.25 - 0.125 are exact
    for mean, frames in ((0.5, [-1, -1, -1]), (0.125, [1, 0, 1]), (0.25, [0, 0, 0])):
        stimulus = encode(signed([[[mean]]]), pixels(0.25), 3, keys(1))
        assert stimulus.frames[0, 0, 0, 0].tolist() == frames
        assert not stimulus.binary


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**64 - 1), draw=st.integers(0, 9))
def test_signed_rate_without_a_mean_is_rate(seed, draw):
    images = np.random.default_rng(4).random((3, 2, 4, 4)).astype(np.float32)
    zero = Encoding("signed_rate", seed=seed, mean_image=MeanImage(np.zeros((2, 4, 4))))
    one, other = (encode(kind, images, 5, keys(3), draw) for kind in (zero, Encoding("rate", seed=seed)))
    assert (one.frames == other.frames).all()


def test_signed_rate_spikes_average_to_the_difference_from_the_mean():
    mean = np.random.default_rng(6).random((1, 50, 50))
    frames = encode(signed(mean), np.full((1, 1, 50, 50), 0.4, np.float32), 200, keys(1)).frames
    # the standard deviation of a mean of 200 draws is at most 0.5 / sqrt(200) = 0.035
    assert np.abs(frames[0].mean(-1) - (0.4 - mean)).max() < 6 * 0.036
    assert abs((frames[0].mean(-1) - (0.4 - mean)).mean()) < 6 * 0.036 / 50


def test_a_longer_window_begins_with_the_shorter_one():
    images = np.random.default_rng(2).random((3, 1, 4, 4)).astype(np.float32)
    short = encode(Encoding("rate"), images, 4, keys(3)).frames
    assert (encode(Encoding("rate"), images, 9, keys(3)).frames[..., :4] == short).all()


def test_draw_picks_another_repetition():
    images = np.full((2, 1, 8, 8), 0.5, np.float32)
    first, again, second = (
        encode(Encoding("rate"), images, 8, keys(2), draw=draw).frames for draw in (0, 0, 1)
    )
    assert (first == again).all()
    assert 0.4 < (first != second).mean() < 0.6


def test_input_range_by_hand():
    low, high = input_range(Encoding("direct", levels=10, mean=(0.5, 0.25), std=(0.25, 0.5)))
    assert (low.tolist(), high.tolist()) == ([-20, -5], [20, 15])
    assert [end.tolist() for end in input_range(Encoding("repeat", levels=15))] == [[0], [15]]
    assert [end.tolist() for end in input_range(Encoding("rate"))] == [[0], [1]]
    ends = [[[0.0, 0.0]], [[0.5, 0.0]], [[1.0, 1.0]]]
    assert [end.tolist() for end in input_range(signed(ends))] == [[0, -1, -1], [1, 1, 0]]


@settings(max_examples=50, deadline=None)
@given(
    levels=st.integers(1, 1000),
    mean=st.lists(st.floats(-1, 2), min_size=2, max_size=2),
    std=st.lists(st.floats(0.01, 3), min_size=2, max_size=2),
    seed=st.integers(0, 1000),
)
def test_input_range_is_reached_and_never_left(levels, mean, std, seed):
    encoding = Encoding("direct", levels=levels, mean=tuple(mean), std=tuple(std))
    images = np.random.default_rng(seed).random((4, 2, 3, 3)).astype(np.float32)
    images[0], images[1] = 0, 1
    low, high = input_range(encoding)
    frames = encode(encoding, images, 1, keys(4)).frames[..., 0]
    assert frames.min(axis=(0, 2, 3)).tolist() == low.tolist()
    assert frames.max(axis=(0, 2, 3)).tolist() == high.tolist()


@pytest.mark.parametrize("value", [-0.001, 1.001, np.nan, np.inf])
def test_pixels_outside_the_range_are_refused(value):
    for kind in ("direct", "rate"):
        with pytest.raises(DataError, match="from 0 to 1"):
            encode(Encoding(kind), pixels(0.5, value), 2, keys(2))


@pytest.mark.parametrize(
    "encoding, message",
    [
        (Encoding("latency"), "direct, repeat, rate, signed_rate, frames"),  # type: ignore[arg-type]
        (Encoding("signed_rate"), "mean image is missing"),
        (Encoding("signed_rate", mean_image=MeanImage(np.zeros((2, 2)))), r"shape \(2, 2\), not"),
        (Encoding("signed_rate", mean_image=MeanImage(np.full((1, 1, 1), 1.5))), "from 1.5 to 1.5"),
        (Encoding("signed_rate", mean_image=MeanImage(np.full((1, 1, 1), np.nan))), "from nan"),
        (Encoding("direct", levels=0), "0 levels"),
        (Encoding("direct", mean=(0.5,)), "1 means and 0"),
        (Encoding("direct", mean=(0.5,), std=(0.0,)), "std above 0"),
        (Encoding("direct", mean=(np.nan,), std=(1.0,)), "finite"),
        (Encoding("direct", levels=2**24 + 1), "float32"),
        (Encoding("frames", mean=(0.5,), std=(1.0,)), "an event where there was none"),
        (Encoding("direct", mean=(0.5,), std=(1e-6,)), "float32"),
    ],
)
def test_impossible_encodings_are_refused(encoding, message):
    with pytest.raises(SettingsError, match=message):
        encode(encoding, pixels(0.5), 1, keys(1))
    with pytest.raises(SettingsError, match=message):
        input_range(encoding)


def test_requests_that_do_not_fit_are_refused():
    encoding = Encoding("direct", mean=(0.5, 0.5), std=(1.0, 1.0))
    with pytest.raises(SettingsError, match="steps is 0"):
        encode(Encoding("rate"), pixels(0.5), 0, keys(1))
    with pytest.raises(DataError, match=r"Give \(N, C, H, W\)"):
        encode(Encoding("direct"), np.zeros((2, 4)), 1, keys(2))
    with pytest.raises(DataError, match="one index per image"):
        encode(Encoding("rate"), pixels(0.5), 1, keys(2))
    with pytest.raises(DataError, match="indices are float64"):
        encode(Encoding("rate"), pixels(0.5), 1, np.array([0.5]))
    with pytest.raises(DataError, match="1 channels and the encoding 2"):
        encode(encoding, pixels(0.5), 1, keys(1))
    with pytest.raises(DataError, match=r"\(1, 1, 1\) and the mean image \(1, 2, 2\)"):
        encode(signed(np.zeros((1, 2, 2))), pixels(0.5), 1, keys(1))


def recording(*values: float) -> np.ndarray:
    """One sample of one pixel, a value per step: ``(1, 1, 1, 1, T)`` float32."""
    return np.array(values, np.float32).reshape(1, 1, 1, 1, -1)


def test_frames_are_sent_each_at_its_step():
    stimulus = encode(Encoding("frames", levels=4), recording(0, 0.25, 1, 0.375), 4, keys(1))
    assert (stimulus.steps, stimulus.frames.dtype, stimulus.frames.shape) == (4, np.int32, (1, 1, 1, 1, 4))
    assert stimulus.frames.ravel().tolist() == [0, 1, 4, 2]
    assert not stimulus.binary


def test_frames_of_one_level_are_spikes():
    stimulus = encode(Encoding("frames", levels=1), recording(0, 1, 0.4, 0.6), 4, keys(1))
    assert stimulus.frames.ravel().tolist() == [0, 1, 0, 1]
    assert stimulus.binary
    assert [end.tolist() for end in input_range(Encoding("frames", levels=1))] == [[0], [1]]


def test_frames_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"3 frames and the window 4 steps.*as many time bins as steps"):
        encode(Encoding("frames"), recording(0, 0, 0), 4, keys(1))
    with pytest.raises(DataError, match=r"Give \(N, C, H, W, T\), or images another encoding"):
        encode(Encoding("frames"), pixels(0.5), 1, keys(1))
    with pytest.raises(DataError, match="or event data the encoding frames"):
        encode(Encoding("direct"), recording(0, 1), 2, keys(1))
    with pytest.raises(DataError, match="from 0 to 1"):
        encode(Encoding("frames"), recording(0, 1.01), 2, keys(1))


def test_the_numpy_part_loads_no_torch():
    code = "import sys, lavarobust.encoding, lavarobust.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
