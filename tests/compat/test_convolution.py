"""The vectorised convolution against Lava's own, which is the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.compat import activate, fast_convolution
from lavarobust.compat.convolution import convolve_integers

activate()
from lava.proc.conv import utils  # noqa: E402

pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


@st.composite
def geometries(draw):
    """Arguments of a convolution whose output has at least one pixel."""
    kernel, stride, dilation = draw(pairs), draw(pairs), draw(pairs)
    padding = draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    extent = [gap * (size - 1) + 1 for gap, size in zip(dilation, kernel, strict=True)]
    least = [max(1, size - 2 * pad) for size, pad in zip(extent, padding, strict=True)]
    size = [low + draw(st.integers(0, 4)) for low in least]
    groups = draw(st.integers(1, 3))
    inputs, outputs = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    return (*size, inputs), (outputs, *kernel, inputs // groups), kernel, stride, padding, dilation, groups


@settings(max_examples=150)
@given(geometries(), st.integers(0, 2**32 - 1), st.sampled_from(["spikes", "graded", "extreme"]))
def test_equal_to_lava(geometry, seed, kind):
    input_shape, weight_shape, kernel, stride, padding, dilation, groups = geometry
    draw = np.random.default_rng(seed)
    weight = draw.integers(-256, 256, weight_shape, dtype=np.int32)
    if kind == "spikes":
        input_ = draw.random(input_shape) < 0.5
    elif kind == "graded":
        input_ = draw.integers(-(2**23), 2**23, input_shape, dtype=np.int32)
    else:
        input_ = draw.choice(np.array([-(2**23), 2**23 - 1], dtype=np.int32), input_shape)
        weight = draw.choice(np.array([-256, 255], dtype=np.int32), weight_shape)
    # Lava's models pass int8 arrays, and a scalar taken from one.
    as_lava = [np.array(pair, dtype=np.int8) for pair in (kernel, stride, padding, dilation)]
    expected = utils.conv_scipy(input_, weight, *as_lava, np.int8(groups))
    ours = convolve_integers(input_, weight, *as_lava, np.int8(groups))
    assert ours.shape == expected.shape
    assert ours.dtype == expected.dtype
    np.testing.assert_array_equal(ours, expected)


def test_by_hand():
    input_ = np.array([1, 2, 3]).reshape(3, 1, 1)
    weight = np.array([10, 1]).reshape(1, 2, 1, 1)
    # A convolution: the kernel's first weight meets the later input.
    output = convolve_integers(input_, weight, (2, 1), (1, 1), (0, 0), (1, 1), 1)
    assert output.ravel().tolist() == [21, 32]


def test_extent_of_a_large_dilation_does_not_overflow():
    input_ = np.zeros((301, 1, 1), dtype=np.int32)
    input_[0] = 1
    weight = np.array([[7, 8, 9]], dtype=np.int32).reshape(1, 3, 1, 1)
    settings_ = [np.array(pair, dtype=np.int8) for pair in ((3, 1), (1, 1), (0, 0), (100, 1))]
    output = convolve_integers(input_, weight, *settings_, np.int8(1))
    assert output.shape == (101, 1, 1)
    assert output[0, 0, 0] == 9


def test_wrong_groups_are_refused():
    with pytest.raises(ValueError, match="2 groups don't fit 3 input and 4 output channels"):
        convolve_integers(
            np.zeros((4, 4, 3), int), np.zeros((4, 1, 1, 1), int), (1, 1), (1, 1), (0, 0), (1, 1), 2
        )


def test_lava_gets_its_own_function_back_also_after_an_error():
    original = utils.conv_scipy
    with fast_convolution():
        assert utils.conv_scipy is not original
        with fast_convolution():
            pass
        assert utils.conv_scipy is not original
    assert utils.conv_scipy is original
    with pytest.raises(KeyError), fast_convolution():
        raise KeyError
    assert utils.conv_scipy is original


def test_floating_point_stays_with_lava():
    draw = np.random.default_rng(5)
    input_, weight = draw.normal(size=(6, 6, 4)), draw.normal(size=(3, 3, 3, 4))
    arguments = (input_, weight, (3, 3), (1, 1), (1, 1), (1, 1), 1)
    expected = utils.conv_scipy(*arguments)
    with fast_convolution():
        assert np.array_equal(utils.conv_scipy(*arguments), expected)


def test_integers_take_the_fast_road(monkeypatch):
    seen = []

    def record(*arguments):
        seen.append(arguments)
        return np.zeros((1, 1, 1))

    monkeypatch.setattr("lavarobust.compat.convolution.convolve_integers", record)
    with fast_convolution():
        utils.conv(np.ones((1, 1, 1), int), np.ones((1, 1, 1, 1), int), (1, 1), (1, 1), (0, 0), (1, 1), 1)
    assert len(seen) == 1


def test_lavas_own_takes_images_wider_than_int8_with_its_int8_arguments():
    draw = np.random.default_rng(0)
    image, weight = draw.integers(0, 2, (200, 3, 1)), draw.integers(-9, 9, (2, 3, 3, 1))
    one, none = np.ones(2, dtype=np.int8), np.zeros(2, dtype=np.int8)
    size = np.full(2, 3, dtype=np.int8)
    arguments = (image, weight, size, one, none, one, np.int8(1))
    np.testing.assert_array_equal(utils.conv_scipy(*arguments), convolve_integers(*arguments))
