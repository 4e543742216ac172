"""Blocks of a convolution, summed in plain numpy, against torch's own products."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lavarobust.dynamics import gather
from lavarobust.dynamics.geometry import Convolution
from lavarobust.dynamics.rows import LANES


def summed(way: gather.Gather, values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``(neurons,)`` of targets, of sources ``(lines, pixels, channels)``."""
    blocks, laid_out = way.blocks, way.lay_out(weight)
    source = np.zeros(blocks.source.size)
    np.lib.stride_tricks.as_strided(
        source[blocks.source.origin :], (len(values), blocks.source.width), (8 * blocks.source.pitch, 8)
    )[:] = values.reshape(len(values), -1)
    target = np.full(blocks.room, np.nan)
    for kind, (taps, lanes) in enumerate(zip(blocks.taps, blocks.lanes, strict=True)):
        rows = laid_out[blocks.start[kind] :][: taps * LANES].reshape(taps, LANES)
        assert not rows[:, lanes:].any()
        tiles = blocks.at[blocks.first[kind] : blocks.last[kind]]
        assert (np.diff(tiles[..., 1], axis=1)[tiles[:, 1:, 1] < LANES * blocks.rows] >= lanes).all()
        for at, to in tiles.reshape(-1, 2):
            sums = source[at + blocks.offsets[kind, :taps]] @ rows
            assert to >= LANES * blocks.rows or np.isnan(target[to : to + lanes]).all()
            target[to : to + lanes] = sums[:lanes]
    return target[: blocks.neurons]


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
    assert np.array_equal(ours, sums.detach()[0].permute(1, 2, 0).flatten().numpy())
    d_sums = torch.randint(-9, 10, sums.shape, generator=generator).double()
    sums.backward(d_sums)
    ours = summed(gather.backward(geometry), d_sums[0].permute(1, 2, 0).numpy(), weight.numpy())
    assert np.array_equal(ours, image.grad[0].permute(1, 2, 0).flatten().numpy())


def test_a_weight_gets_all_that_was_laid_out_from_it() -> None:
    geometry = Convolution((1, 1), (1, 1), (1, 1), 1).geometry((1, 4, 4), (8, 1, 3, 3))
    way = gather.forward(geometry)
    # blocks are two pixels of eight channels, so that each weight is laid out twice, next to nothing
    assert way.blocks.taps.tolist() == [12]
    assert way.collect(np.ones(len(way.index), dtype=np.float32)).tolist() == [2.0] * 72
    assert np.count_nonzero(way.index == 72) == len(way.index) - 2 * 72


def test_blocks_lie_without_anything_between() -> None:
    geometry = Convolution((1, 1), (0, 0), (1, 1), 1).geometry((1, 2, 7), (3, 1, 1, 1))
    blocks = gather.forward(geometry).blocks
    # five pixels of three channels, and the two that a line has left
    assert sorted(zip(blocks.lanes.tolist(), blocks.at[:, 0, 1].tolist(), strict=True)) == [(6, 15), (15, 0)]
    assert (blocks.neurons, blocks.rows, blocks.room) == (42, 3, 64)


def test_many_channels_are_parts_of_a_pixel() -> None:
    geometry = Convolution((1, 1), (0, 0), (1, 1), 1).geometry((1, 1, 2), (24, 1, 1, 1))
    blocks = gather.forward(geometry).blocks
    assert blocks.lanes.tolist() == [16, 8]
    assert blocks.at[:, :2, 1].tolist() == [[0, 24], [16, 40]]


@pytest.mark.parametrize("kernel", [1, 2])
def test_inputs_that_no_output_reads_get_nothing(kernel) -> None:
    geometry = Convolution((3, 3), (0, 0), (1, 1), 1).geometry((1, 5, 5), (2, 1, kernel, kernel))
    weight = np.ones((2, 1, kernel, kernel))
    d_inputs = summed(gather.backward(geometry), np.ones((2, 2, 2)), weight)
    read = np.add.outer(np.zeros(5), (np.arange(5) % 3 < kernel)) * (np.arange(5) % 3 < kernel)[:, None]
    assert np.array_equal(d_inputs, 2 * read.ravel())
