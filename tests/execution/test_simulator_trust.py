"""Compiled loops are tried on the hardest operands, replaced where they fail, right on plain processors."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest

from benchmarks.parity.convolutional import random_model
from lavarobust.execution.simulator import Simulator, chunk, compile_model, integers, trust
from lavarobust.execution.simulator.prepared import prepare
from lavarobust.execution.simulator.trust import Kind, is_exact, kind_of

KINDS = [
    Kind(layer, weights, sums, graded)
    for layer in ("conv", "dense", "recurrent")
    for weights, sums in (("int8", "int16"), ("int8", "int32"), ("int16", "int16"), ("int32", "int32"))
    for graded in (False, True)
]


@pytest.fixture(autouse=True)
def forget():
    is_exact.cache_clear()
    yield
    is_exact.cache_clear()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_every_kind_is_tried_on_layers_of_its_own(kind) -> None:
    layers = trust._layers(kind, np.random.default_rng(0))
    assert [kind_of(layer, kind.graded) for layer in layers] == [kind] * 3
    # -128 or -254 everywhere but for the highest, and one that is odd
    assert (layers[0].stage.synapse.weight.flatten()[3:] < -127).all()
    assert is_exact(kind)


@pytest.mark.parametrize("loop", ["run_conv", "run_dense"])
def test_a_loop_that_sums_wrongly_is_replaced(loop, monkeypatch) -> None:
    """As 8-bit products do on processors without VNNI: right on small operands, wrong at full range."""
    model, stimulus, readout = next(
        (model, stimulus, readout)
        for model, stimulus, readout in map(random_model, map(np.random.default_rng, range(50)))
        if any(
            kind_of(layer, False).layer == loop.removeprefix("run_")
            for layer in prepare(compile_model(model), model.input_shape)
        )
    )
    right = Simulator().run(model, stimulus, readout)
    is_exact.cache_clear()
    honest = getattr(integers, loop)

    def saturating(arrivals, synapses, *rest):
        saturated = np.clip(synapses.weights, -100, 100)
        return honest(arrivals, synapses._replace(weights=saturated), *rest)

    monkeypatch.setattr(integers, loop, saturating)
    with pytest.warns(RuntimeWarning, match="computes wrong integers; such layers run through the slower"):
        replaced = Simulator().run(model, stimulus, readout)
    np.testing.assert_array_equal(replaced.scores, right.scores)
    for one, other in zip(replaced.layers, right.layers, strict=True):
        np.testing.assert_array_equal(one.spikes, other.spikes)


def test_a_layer_is_asked_about_before_it_runs(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(chunk, "is_exact", lambda kind: asked.append(kind) or True)
    model, stimulus, readout = random_model(np.random.default_rng(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Simulator().run(model, stimulus, readout)
    assert asked


def digest(seeds: int) -> str:
    """What ten networks do, in one word."""
    held = hashlib.sha256()
    for seed in range(seeds):
        model, stimulus, readout = random_model(np.random.default_rng(seed))
        record = Simulator().run(model, stimulus, readout, [index for index, _ in model.populations])
        held.update(record.scores.tobytes())
        for index in sorted(record.rasters):
            held.update(record.rasters[index].tobytes())
    return held.hexdigest()


def test_processors_without_vnni_and_avx_give_the_same(tmp_path) -> None:
    """torch keeps to AVX2, the compiled loops to what every processor of this kind has."""
    environment = os.environ | {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "default",
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    script = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n"
    script += "from test_simulator_trust import digest; print(digest(6))"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == digest(6)
