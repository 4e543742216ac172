"""Bounds of sigma-delta sums: by hand, and never passed by a network that they prove."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.parity.sigma_delta import random_model
from lavarobust.dynamics.sigma_delta import advance
from lavarobust.errors import ModelFileError
from lavarobust.execution.simulator import sigma_delta_reference
from lavarobust.execution.simulator.sigma_delta_stages import compile_sigma_delta
from lavarobust.netx import Conv, Dense, Input, Model, SigmaDelta, SumBound, sum_bounds

SUM_LIMITS = {Conv: 1 << 23, Dense: 1 << 31, Input: 1 << 31}


def test_by_hand() -> None:
    layers = (
        Input((2,), SigmaDelta(1)),
        Dense(np.array([[2, -4]], np.int32), SigmaDelta(0), np.array([3], np.int32)),
    )
    encoder, dense = sum_bounds(Model(layers, (2,)), 4, 0, 10)
    # inputs up to 40960; changes up to that and a residue below 4096
    assert encoder == SumBound("0 input", 10 << 12, 11 << 12)
    # an encoder's messages add up to (45056 >> 6) = 704 at most and (-4096 >> 6) - 4 = -68 at least, in 4
    # steps; one message is within (40960 + 8192) >> 6 = 768
    assert dense.layer == "1 dense"
    assert dense.arriving == 2 * 768 + 4 * 768
    assert dense.state == (3 << 12) + 2 * 704 + 4 * 68


def test_nothing_bounds_a_recurrent_layer() -> None:
    recurrent = Dense(np.array([[2]]), SigmaDelta(0), recurrent_weight=np.array([[2]]))
    with pytest.raises(ModelFileError, match="layer/0: nothing bounds"):
        sum_bounds(Model((recurrent,), (1,)), 4, 0, 10)


def test_networks_stay_within_what_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [0, 0]

    def watched(neurons, drive, before):  # type: ignore[no-untyped-def]
        step = advance(neurons, drive, before)
        wide = drive.astype(np.int64) << (12 if neurons.kind == "delta" else 0)
        change = step.after.activation.astype(np.int64) - before.activation + before.residue
        seen[0] = max(seen[0], int(np.abs(wide).max()))
        seen[1] = max(
            seen[1], int(np.abs(step.after.total.astype(np.int64)).max()), int(np.abs(change).max())
        )
        return step

    monkeypatch.setattr(sigma_delta_reference, "advance", watched)
    proofs = 0
    for seed in range(60):
        model, stimulus, _ = random_model(np.random.default_rng(seed))
        try:
            bounds = sum_bounds(model, stimulus.steps, int(stimulus.frames.min()), int(stimulus.frames.max()))
        except ModelFileError:
            continue
        arriving = np.moveaxis(stimulus.frames, -1, 0)
        for stage, bound in zip(compile_sigma_delta(model), bounds, strict=True):
            if bound.arriving >= SUM_LIMITS[type(stage.layer)] or bound.state >= 1 << 31:
                break
            seen[:] = 0, 0
            run = sigma_delta_reference.run_sigma_delta_stage(stage, arriving, stage.lead + stimulus.steps)
            assert seen[0] <= bound.arriving, (seed, stage.name)
            assert seen[1] <= bound.state, (seed, stage.name)
            assert not run.wrapped.any()
            arriving, proofs = run.messages, proofs + 1
    assert proofs >= 50
