"""Blocks of a convolution, summed in plain numpy, against torch's own products."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lavarobust.dynamics import gather
from lavarobust.dynamics.conv_passes import pad
from lavarobust.dynamics.gather import Padded
from lavarobust.dynamics.geometry import Convolution
from lavarobust.dynamics.rows import LANES


def summed(way: gather.Gather, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``(lines, pixels, channels)`` of targets, of sources ``(lines, pixels, channels)``."""
    blocks, laid_out = way.blocks, way.lay_out(weight)
    source = np.zeros(blocks.source.size)
    np.lib.stride_tricks.as_strided(
        source[blocks.source.origin :], values.shape, (8 * blocks.source.pitch, 8 * blocks.source.stride, 8)
    )[:] = values
    target = np.full(blocks.target.size, np.nan)
    for kind, taps in enumerate(blocks.taps):
        rows = laid_out[blocks.start[kind] :][: taps * LANES].reshape(taps, LANES)
        for at, to in blocks.at[blocks.first[kind] : blocks.last[kind]].reshape(-1, 2):
            target[to : to + LANES] = source[at + blocks.offsets[kind, :taps]] @ rows
    place = blocks.target
    assert not np.isnan(target[:-LANES]).any()
    whole = target[:-LANES].reshape(place.lines, place.pitch // place.stride, place.stride)
    return whole[:, : place.pixels, : place.channels]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_both_ways_equal_torch(data) -> None:
    groups = data.draw(st.sampled_from([1, 1, 2]))
    channels, outputs = (groups * data.draw(st.integers(1, 20)) for _ in range(2))
    pair = st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride, dilation = data.draw(pair), data.draw(pair), data.draw(pair)
    padding = data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    sides = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    geometry = Convolution(stride, padding, dilation, groups).geometry(
        (channels, *sides), (outputs, channels // groups, *kernel)
    )
    assume(min(geometry.outputs) > 0)
    generator = torch.Generator().manual_seed(0)
    weight = torch.randint(-9, 10, (outputs, channels // groups, *kernel), generator=generator).double()
    image = torch.randint(-9, 10, (1, *geometry.inputs), generator=generator).double().requires_grad_()
    sums = F.conv2d(image, weight, None, stride, padding, dilation, groups)
    ours = summed(gather.forward(geometry), image.detach()[0].permute(1, 2, 0).numpy(), weight.numpy())
    assert np.array_equal(ours, sums.detach()[0].permute(1, 2, 0).numpy())
    d_sums = torch.randint(-9, 10, sums.shape, generator=generator).double()
    sums.backward(d_sums)
    ours = summed(gather.backward(geometry), d_sums[0].permute(1, 2, 0).numpy(), weight.numpy())
    assert np.array_equal(ours, image.grad[0].permute(1, 2, 0).numpy())


def test_a_weight_gets_all_that_was_laid_out_from_it() -> None:
    geometry = Convolution((1, 1), (1, 1), (1, 1), 1).geometry((1, 4, 4), (8, 1, 3, 3))
    way = gather.forward(geometry)
    # blocks are two pixels of eight channels, so that each weight is laid out twice, next to nothing
    assert way.blocks.taps.tolist() == [12]
    assert way.collect(np.ones(len(way.index), dtype=np.float32)).tolist() == [2.0] * 72
    assert np.count_nonzero(way.index == 72) == len(way.index) - 2 * 72


def test_padding_a_line_to_whole_blocks() -> None:
    place = Padded(lines=2, pixels=3, channels=3, origin=0, pitch=16, stride=4, size=48)
    padded = pad(np.arange(18, dtype=np.float32).reshape(1, 18), place)
    assert padded.reshape(2, 4, 4)[1, 2].tolist() == [15, 16, 17, 0]
    assert padded.sum() == 17 * 9 and place.neurons == 18


@pytest.mark.parametrize("kernel", [1, 2])
def test_inputs_that_no_output_reads_get_nothing(kernel) -> None:
    geometry = Convolution((3, 3), (0, 0), (1, 1), 1).geometry((1, 5, 5), (2, 1, kernel, kernel))
    weight = np.ones((2, 1, kernel, kernel))
    d_inputs = summed(gather.backward(geometry), np.ones((2, 2, 2)), weight)[..., 0]
    read = np.add.outer(np.zeros(5), (np.arange(5) % 3 < kernel)) * (np.arange(5) % 3 < kernel)[:, None]
    assert np.array_equal(d_inputs, 2 * read)
