"""The simulator against real Lava on random full-range integer networks: every spike, state and count."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_dense_networks import random_dense_case
from random_networks import counts_as_a_case, random_model, simulate

from lavarobust.errors import BackendError
from lavarobust.execution import backend
from lavarobust.execution.simulator import compile_model, propagate
from lavarobust.record import LayerCounts

KINDS: dict[str, Callable] = {
    "convolutional": lambda rng, folder: random_model(rng),
    "dense": random_dense_case,
}
CASES: dict[str, Counter] = {kind: Counter() for kind in KINDS}

BENT = pytest.mark.filterwarnings("ignore:Found max delay of", "ignore:divide by zero")
"""What the stock loader says of delays that it cuts and weights without a positive one."""

EXACTLY = settings(
    deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
FEW = settings(EXACTLY, max_examples=25)
MANY = settings(EXACTLY, max_examples=int(os.environ.get("LAVAROBUST_PARITY_EXAMPLES", "300")))


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


def check_one(kind: str, seed: int) -> None:
    with TemporaryDirectory() as folder:
        model, stimulus, readout = KINDS[kind](np.random.default_rng(seed), Path(folder))
        ours = simulate(model, stimulus, readout)
        lava = backend("lava", fast_convolution=bool(seed % 2), sparse_fc_layer=bool(seed // 2 % 2))
        try:
            theirs, states = lava.run_with_states(model, stimulus, readout, keep=list(ours.rasters))
        except BackendError as error:
            # Lava's neurons live before the first input does; see the backend's own tests
            assert "before the input arrives" in str(error)
            CASES[kind]["refused by name"] += 1
            return
    # compared in any case: a simulator that is silent by mistake must not discard the evidence
    CASES[kind]["counted" if counts_as_a_case(ours) else "discarded by spike rate"] += 1
    assert_equal_records(ours, theirs)
    assert_equal_states(model, stimulus, states)


@BENT
@pytest.mark.parametrize("kind", KINDS)
@FEW
@given(seed=st.integers(0, 2**32 - 1))
def test_random_full_range_networks(kind: str, seed: int) -> None:
    check_one(kind, seed)


@pytest.mark.slow
@BENT
@pytest.mark.parametrize("kind", KINDS)
@MANY
@given(seed=st.integers(0, 2**32 - 1))
def test_many_random_full_range_networks(kind: str, seed: int) -> None:
    check_one(kind, seed)


def test_enough_cases_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """Runs after the properties: says how many cases were too quiet or too busy to count."""
    if not any(CASES.values()):
        pytest.skip("the random networks ran in another worker process")
    for kind, cases in CASES.items():
        tried = sum(cases.values())
        share = {outcome: f"{count / tried:.0%} {outcome}" for outcome, count in cases.items()}
        with capsys.disabled():
            print(f"\nrandom {kind} networks: {tried} tried, {', '.join(share.values())}")
        assert cases["counted"] >= tried / 4
