"""Blocks of a population against every synapse walked one by one, and against limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.energy.cut import CORE_LIMITS, Cut, best_cut, excess, fewest_cores, make_cut
from lavarobust.energy.sites import Grid, Site, sites_of
from lavarobust.netx.model import READOUT, Conv, Dense, Model
from lavarobust.netx.shapes import conv_output_shape

Pair = tuple[tuple[int, int, int], tuple[int, int, int]]


def conv(shape: Grid, outputs: int, kernel: tuple[int, int], **geometry: object) -> Conv:
    groups = int(geometry.get("groups", 1))  # type: ignore[call-overload]
    weight = np.ones((outputs, shape[0] // groups, *kernel), dtype=np.int32)
    layer = Conv(weight, READOUT, (1, 1, 1), **geometry)  # type: ignore[arg-type]
    return Conv(weight, READOUT, conv_output_shape(layer, shape), **geometry)  # type: ignore[arg-type]


def dense(outputs: int, inputs: int) -> Dense:
    return Dense(np.ones((outputs, inputs), dtype=np.int32), READOUT)


def chain(shape: tuple[int, ...], *layers: Conv | Dense) -> tuple[Site, ...]:
    return sites_of(Model(layers, shape))


def pairs_of(layer: Conv, shape: Grid) -> list[Pair]:
    """(source, target) of every synapse: each tap of each output, where it lies inside the input."""
    outputs, _, height, width = layer.weight.shape
    found = []
    for o, y, x in itertools.product(*map(range, layer.shape)):
        group = o // (outputs // layer.groups)
        for c, i, j in itertools.product(range(layer.weight.shape[1]), range(height), range(width)):
            row = y * layer.stride[0] - layer.padding[0] + i * layer.dilation[0]
            column = x * layer.stride[1] - layer.padding[1] + j * layer.dilation[1]
            if 0 <= row < shape[1] and 0 <= column < shape[2]:
                found.append(((group * layer.weight.shape[1] + c, row, column), (o, y, x)))
    return found


def block_of(place: tuple[int, int, int], block: Grid) -> tuple[int, ...]:
    return tuple(position // size for position, size in zip(place, block, strict=True))


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Grid, Conv, Grid, Grid]:
    """A convolution with its input, and a block of either side."""
    groups = draw(st.integers(1, 2))
    shape = (groups * draw(st.integers(1, 2)), draw(st.integers(2, 6)), draw(st.integers(2, 6)))
    kernel = (draw(st.integers(1, 2)), draw(st.integers(1, 3)))
    geometry = {
        "stride": (draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        "padding": (draw(st.integers(0, 1)), 1),
        "dilation": (draw(st.integers(1, 2)), 1),
    }
    layer = conv(shape, groups * draw(st.integers(1, 3)), kernel, groups=groups, **geometry)
    if min(layer.shape) < 1:
        layer = conv(shape, groups, (1, 1), groups=groups)
    target, source = (tuple(draw(st.integers(1, size)) for size in grid) for grid in (layer.shape, shape))
    return shape, layer, target, source


@settings(max_examples=60, deadline=None)
@given(convolutions())
def test_what_blocks_take_is_what_their_synapses_say(case: tuple[Grid, Conv, Grid, Grid]) -> None:
    shape, layer, block, source_block = case
    first, second = chain(shape, conv(shape, shape[0], (1, 1)), layer)
    cut = make_cut(second, block, ())
    pairs = pairs_of(layer, shape)
    assert second.synapses == len(pairs)
    heard: dict[tuple[int, ...], set[tuple[int, int]]] = {}
    axons: dict[tuple[int, ...], set[tuple[object, ...]]] = {}
    for source, target in pairs:
        # shared weights: one axon for each position, whatever its channels
        heard.setdefault(block_of(target, block), set()).add(source[1:])
        hearing = axons.setdefault(block_of(source, source_block), set())
        hearing.add((source, block_of(target, block)))
    assert cut.demand["fan_in_axons_per_core"] == max(map(len, heard.values()))
    in_front = make_cut(first, source_block, [(second.links[0], cut)])
    assert in_front.demand["fan_out_axons_per_core"] == max(map(len, axons.values()))
    assert cut.demand["synaptic_memory_bytes_per_core"] == block[0] * layer.weight[0].size


def test_a_dense_layer_by_hand() -> None:
    (site,) = chain((10,), dense(6, 10))
    assert (site.synapses, site.weights) == (60, 60)
    assert fewest_cores(site, (), {"compartments_per_core": 4}) == 2
    assert fewest_cores(site, (), {"synaptic_memory_bytes_per_core": 30}) == 2
    assert fewest_cores(site, (), {"synaptic_memory_bytes_per_core": 29}) == 3
    assert fewest_cores(site, (), {"fan_in_axons_per_core": 10}) == 1
    assert fewest_cores(site, (), {"fan_in_axons_per_core": 9}) is None
    cut = best_cut(site, (), {"compartments_per_core": 4, "synaptic_memory_bytes_per_core": 30})
    assert cut is not None and (cut.block, cut.pieces, cut.cores) == ((3, 1, 1), (2, 1, 1), 2)
    assert cut.core_of(site.grid).tolist() == [0, 0, 0, 1, 1, 1]


def test_a_convolution_is_cut_where_it_hears_of_few_positions() -> None:
    (site,) = chain((1, 4, 4), conv((1, 4, 4), 2, (3, 3), padding=(1, 1)))
    assert (site.synapses, site.weights) == (200, 18)
    # two rows of the output hear of three rows, a single one in the middle as well
    cut = best_cut(site, (), {"fan_in_axons_per_core": 12})
    assert cut is not None and cut.cores == 2 and cut.demand["fan_in_axons_per_core"] == 12
    assert fewest_cores(site, (), {"fan_in_axons_per_core": 9}) == 4
    assert fewest_cores(site, (), {"fan_in_axons_per_core": 8}) is None
    assert excess(make_cut(site, (1, 1, 1), ()), {"fan_in_axons_per_core": 8}) == {"fan_in_axons_per_core": 9}


def test_a_neuron_takes_an_axon_for_each_core_that_hears_it() -> None:
    first, second = chain((4,), dense(3, 4), dense(5, 3))
    behind = make_cut(second, (2, 1, 1), ())
    assert behind.cores == 3
    outgoing = [(second.links[0], behind)]
    assert [fewest_cores(first, outgoing, {"fan_out_axons_per_core": n}) for n in (9, 6, 5, 3, 2)] == [
        1, 2, 3, 3, None
    ]  # fmt: skip


def test_a_recurrent_population_hears_itself() -> None:
    weight = np.ones((6, 6), dtype=np.int32)
    (site,) = chain((4,), Dense(np.ones((6, 4), dtype=np.int32), READOUT, recurrent_weight=weight))
    assert (site.weights, site.synapses) == (60, 60)
    outgoing = [(link, None) for link in site.links if link.source == 0]
    cut = make_cut(site, (2, 1, 1), outgoing)
    assert cut.demand["fan_in_axons_per_core"] == 10
    # two neurons in each of three cores, all of which hear every one
    assert cut.demand["fan_out_axons_per_core"] == 6


def test_weights_that_must_be_divided_are_divided_along_the_channels() -> None:
    (site,) = chain((2, 4, 4), conv((2, 4, 4), 4, (3, 3), padding=(1, 1)))
    cut = best_cut(site, (), {"synaptic_memory_bytes_per_core": 36})
    assert cut is not None and (cut.block, cut.cores) == ((2, 4, 4), 2)
    assert cut.core_of(site.grid).tolist() == [0] * 32 + [1] * 32


some_limits = st.fixed_dictionaries({}, optional=dict.fromkeys(CORE_LIMITS, st.integers(1, 200)))


@settings(max_examples=60, deadline=None)
@given(convolutions(), some_limits, st.data())
def test_no_block_exceeds_a_limit_and_a_lower_one_never_takes_fewer_cores(
    case: tuple[Grid, Conv, Grid, Grid], limits: dict[str, int], data: st.DataObject
) -> None:
    shape, layer, block, _ = case
    first, second = chain(shape, conv(shape, shape[0], (1, 1)), layer)
    outgoing = [(second.links[0], make_cut(second, block, ()))]
    cut: Cut | None = best_cut(first, outgoing, limits)  # type: ignore[arg-type]
    fewest = fewest_cores(first, outgoing, limits)  # type: ignore[arg-type]
    assert (cut is None) == (fewest is None)
    if cut is None or fewest is None:
        assert excess(make_cut(first, (1, 1, 1), outgoing), limits)  # type: ignore[arg-type]
        return
    assert not excess(cut, limits) and cut.cores >= fewest  # type: ignore[arg-type]
    sizes = np.bincount(cut.core_of(first.grid), minlength=cut.cores)
    assert sizes.sum() == first.neurons and sizes.min() > 0
    assert sizes.max() == cut.demand["compartments_per_core"]
    if limits:
        name = data.draw(st.sampled_from(sorted(limits)))
        lower = limits | {name: data.draw(st.integers(1, limits[name]))}
        fewer = fewest_cores(first, outgoing, lower)  # type: ignore[arg-type]
        assert fewer is None or fewer >= fewest


def test_groups_hear_only_their_own_channels() -> None:
    shape = (4, 1, 1)
    first, second = chain(shape, conv(shape, 4, (1, 1)), conv(shape, 8, (1, 1), groups=2))
    behind = make_cut(second, (3, 1, 1), ())
    # pieces of channels 0-2, 3-5, 6-7: group 0 (0-3) is in two of them, group 1 (4-7) too
    cut = make_cut(first, (4, 1, 1), [(second.links[0], behind)])
    assert cut.demand["fan_out_axons_per_core"] == 8
    assert make_cut(first, (2, 1, 1), [(second.links[0], behind)]).demand["fan_out_axons_per_core"] == 4


@pytest.mark.parametrize("size", [1, 2, 7, 12, 224])
def test_every_even_division_is_tried(size: int) -> None:
    (site,) = chain((1, size, 1), conv((1, size, 1), 1, (1, 1)))
    for cores in range(1, size + 1):
        per_core = -(-size // cores)
        assert fewest_cores(site, (), {"compartments_per_core": per_core}) == -(-size // per_core)
