"""Patches, summed where their places say, are the convolution; widths are the narrowest that hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.execution.simulator.patches import Patches, alike, conv_patches, dense_patches, no_patches
from lavarobust.execution.simulator.prepared import prepare
from lavarobust.execution.simulator.stages import compile_model
from lavarobust.execution.simulator.vectors import LANES
from lavarobust.netx.model import Conv, Model, Neuron


def summed(patches: Patches, active: np.ndarray) -> np.ndarray:
    """``(neurons,)`` sums of inputs ``(P * C,)``, in plain loops."""
    places, sums = patches.places, np.zeros(patches.places.size, dtype=np.int64)
    for index in np.flatnonzero(active):
        pixel, channel = divmod(int(index), places.channels)
        phase = places.phase[pixel]
        rows, blocks = int(places.rows[phase]), int(places.blocks[phase])
        start = places.start[phase]
        length = rows * blocks * places.channels * LANES
        patch = patches.weights[start : start + length].reshape(rows, blocks, places.channels, LANES)
        for row in range(rows):
            low = places.at[pixel] + row * places.pitch
            sums[low : low + blocks * LANES] += active[index] * patch[row, :, channel].reshape(-1)
    lines = [sums[places.origin + i * places.pitch :][: places.width] for i in range(places.lines)]
    return np.concatenate(lines) << patches.scale


@pytest.mark.parametrize("seed", range(25))
def test_patches_make_up_a_convolution(seed) -> None:
    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 2]))
    channels, outputs = 2 * int(rng.integers(1, 3)), groups * int(rng.integers(1, 9))
    height, width = (int(side) for side in rng.integers(5, 10, 2))
    kernel, stride, padding, dilation = (
        tuple(int(x) for x in rng.integers(low, high, 2)) for low, high in ((1, 4), (1, 4), (0, 4), (1, 3))
    )
    weight = rng.integers(-128, 128, (outputs, channels // groups, *kernel))
    image = torch.from_numpy((rng.random((1, channels, height, width)) < 0.4).astype(np.float64))
    expected = torch.nn.functional.conv2d(
        image, torch.from_numpy(weight).double(), None, stride, padding, dilation, groups
    )[0]
    fan_out = np.ones((channels * height * width, 2), dtype=np.int64)
    patches = conv_patches(
        weight, (channels, height, width), tuple(expected.shape), stride, padding, dilation, groups, fan_out
    )
    assert not patches.dense
    got = summed(patches, image[0].permute(1, 2, 0).reshape(-1).numpy().astype(np.int64))
    np.testing.assert_array_equal(got, expected.permute(1, 2, 0).reshape(-1).numpy())
    everything = summed(patches, np.ones(channels * height * width, dtype=np.int64))
    places = patches.places
    lines = [patches.full[places.origin + i * places.pitch :][: places.width] for i in range(places.lines)]
    np.testing.assert_array_equal(np.concatenate(lines).astype(np.int64) << patches.scale, everything)


@pytest.mark.parametrize(
    ("weight", "weights", "sums", "scale", "reach", "signed"),
    [
        ([[254, -254]], "int8", "int16", 1, 254, 508),  # divided by 2
        ([[254, -253]], "int16", "int16", 0, 254, 507),
        ([[127, -128]], "int8", "int16", 0, 128, 255),
        ([[254] * 200 + [-2]], "int8", "int16", 1, 50_800, 50_802),  # 25,400 in twos
        ([[253] * 200], "int32", "int32", 0, 50_600, 50_600),
        ([[-128] * 300], "int8", "int16", 7, 38_400, 38_400),
        ([[-127] * 300], "int8", "int32", 0, 38_100, 38_100),
        ([[0, 0]], "int8", "int16", 0, 0, 0),
    ],
)
def test_weights_take_as_few_bits_as_hold_them(weight, weights, sums, scale, reach, signed) -> None:
    patches = dense_patches(np.array(weight), np.ones((len(weight[0]), 2), dtype=np.int64))
    assert (patches.weights.dtype.name, patches.full.dtype.name) == (weights, sums)
    assert (patches.scale, patches.reach, patches.signed_reach) == (scale, reach, signed)
    np.testing.assert_array_equal(
        summed(patches, np.ones(len(weight[0]), dtype=np.int64)), np.sum(weight, axis=1)
    )


def test_both_matrices_of_a_recurrent_layer_become_alike() -> None:
    narrow = dense_patches(np.array([[3, -5]]), np.ones((2, 2), dtype=np.int64))
    wide = dense_patches(np.array([[253] * 200]), np.ones((200, 2), dtype=np.int64))
    one, other = alike(narrow, wide)
    assert one.weights.dtype == other.weights.dtype == one.full.dtype == other.full.dtype == np.int32
    assert summed(one, np.array([1, 1])).tolist() == [-2]


def test_a_population_without_synapses_has_places_all_the_same() -> None:
    places = no_patches((2, 3, 5)).places
    assert (places.lines, places.width, places.channels) == (1, 30, 2)


def test_a_dense_layer_has_a_channel_that_drives_nothing() -> None:
    patches = dense_patches(np.array([[3, -5], [7, 1]]), np.ones((2, 2), dtype=np.int64))
    assert patches.dense and patches.places.channels == 3
    assert (
        summed(patches, np.array([1, 1, 1])).tolist()
        == summed(patches, np.array([1, 1, 0])).tolist()
        == [-2, 8]
    )


@pytest.mark.parametrize(("side", "dense"), [(3, True), (9, False)])
def test_a_convolution_to_few_outputs_runs_as_a_dense_layer(side, dense) -> None:
    rng = np.random.default_rng(side)
    weight = rng.integers(-127, 128, (6, 2, 3, 2)).astype(np.int32)
    layer = Conv(weight, Neuron(4096, 0, 9), (6, side - 2, side), padding=(0, 1), dilation=(1, 2), groups=2)
    model = Model((layer,), (4, side, side))
    [prepared] = prepare(compile_model(model), model.input_shape)
    assert prepared.dense is dense
    image = (rng.random((1, 4, side, side)) < 0.5).astype(np.float64)
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(image), torch.from_numpy(weight).double(), None, 1, (0, 1), (1, 2), 2
    )
    got = summed(prepared.patches, image[0].transpose(1, 2, 0).reshape(-1).astype(np.int64))
    assert got.tolist() == expected[0].permute(1, 2, 0).flatten().int().tolist()
