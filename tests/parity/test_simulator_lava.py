"""The simulator against real Lava on random full-range integer networks: every spike, state and count."""

from __future__ import annotations

import os
from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_networks import counts_as_a_case, random_model, simulate

from lavarobust.execution import backend
from lavarobust.execution.simulator import compile_model, propagate
from lavarobust.record import LayerCounts

CASES = {"tried": 0, "kept": 0}


def assert_equal_records(ours, theirs) -> None:
    for index, raster in theirs.rasters.items():
        assert np.array_equal(ours.rasters[index], raster), f"spikes of layer {index} differ"
    for mine, lava in zip(ours.layers, theirs.layers, strict=True):
        for field in fields(LayerCounts):
            left, right = getattr(mine, field.name), getattr(lava, field.name)
            assert np.array_equal(left, right), f"{mine.name}: {field.name} differs"
    assert np.array_equal(ours.output_counts, theirs.output_counts)
    assert np.array_equal(ours.prediction, theirs.prediction)
    assert np.array_equal(ours.tied, theirs.tied)
    assert (ours.potential is None) == (theirs.potential is None)
    if ours.potential is not None:
        assert np.array_equal(ours.potential, theirs.potential)


def assert_equal_states(model, stimulus, states) -> None:
    frames = torch.from_numpy(np.moveaxis(stimulus.frames, -1, 0).astype(np.float64))
    with torch.no_grad():
        for run in propagate(compile_model(model), frames, stimulus.steps):
            current, potential = states[run.stage.index]
            end = run.trajectory.end
            assert np.array_equal(end.current.numpy().astype(np.int64), current), run.stage.name
            assert np.array_equal(end.potential.numpy().astype(np.int64), potential), run.stage.name


def check_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    CASES["tried"] += 1
    model, stimulus, readout = random_model(rng)
    ours = simulate(model, stimulus, readout)
    if not counts_as_a_case(ours):
        return
    CASES["kept"] += 1
    lava = backend("lava", fast_convolution=bool(seed % 2))
    theirs, states = lava.run_with_states(model, stimulus, readout, keep=list(ours.rasters))
    assert_equal_records(ours, theirs)
    assert_equal_states(model, stimulus, states)


@settings(
    max_examples=int(os.environ.get("LAVAROBUST_PARITY_EXAMPLES", "30")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_full_range_networks(seed: int) -> None:
    check_one(seed)


def test_enough_cases_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Runs after the property: says how many cases were too quiet or too busy to count."""
    if not CASES["tried"]:
        pytest.skip("the random networks ran in another worker process")
    with capsys.disabled():
        discarded = 1 - CASES["kept"] / CASES["tried"]
        print(f"\nrandom networks: {CASES['tried']} tried, {discarded:.0%} discarded by spike rate")
    assert CASES["kept"] >= CASES["tried"] / 4
