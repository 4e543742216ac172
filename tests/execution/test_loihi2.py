"""The hardware road with a stub in place of lava-loihi: adapters that pass on, and the CPU models."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from lavarobust.errors import BackendError
from lavarobust.execution import backend
from lavarobust.netx.model import READOUT, Conv, Dense, Input, Model, Neuron
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")
from lavarobust.execution.loihi2 import backend as loihi2  # isort: skip (it prepares the import of lava)

from stub_loihi import Adapter, HardwareConfig, made


@pytest.fixture
def hardware(monkeypatch):
    adapters = ModuleType("lava.proc.embedded_io.spike")
    adapters.PyToNxAdapter = adapters.NxToPyAdapter = Adapter
    monkeypatch.setitem(sys.modules, "lava.proc.embedded_io", ModuleType("lava.proc.embedded_io"))
    monkeypatch.setitem(sys.modules, "lava.proc.embedded_io.spike", adapters)
    monkeypatch.setattr("lava.utils.loihi.is_installed", lambda: True)
    monkeypatch.setattr(loihi2, "Loihi2HwCfg", HardwareConfig)
    made.clear()
    return backend("loihi2")


@pytest.fixture
def resets(monkeypatch):
    """Arguments that the stock loader received."""
    seen = []

    original = loihi2.stock_network

    def recorded(model, window, message_bits):
        network = original(model, window, message_bits)
        seen.append((window, network.reset_interval, network.reset_offset, network.input_message_bits))
        return network

    monkeypatch.setattr(loihi2, "stock_network", recorded)
    return seen


def test_without_lava_loihi_the_error_says_what_is_missing():
    with pytest.raises(BackendError, match=r"needs lava-loihi.*INRC.*not installed"):
        backend("loihi2")


@pytest.mark.parametrize("steps, window", [(4, 4), (5, 8), (1, 1)])
def test_outputs_are_those_of_the_first_steps_of_a_window(hardware, resets, conv_model, rng, steps, window):
    stimulus = Stimulus(rng.integers(-9, 17, (3, 2, 7, 7, 1)).astype(np.int32), steps)
    want = backend("lava", fast_convolution=False).run(conv_model, stimulus, "membrane")
    got = hardware.run(conv_model, stimulus, "membrane")
    np.testing.assert_array_equal(got.potential, want.potential)
    np.testing.assert_array_equal(got.output_counts, want.output_counts)
    assert got.layers == () and got.backend == "loihi2"
    assert resets == [(window, window, 1, 6)]
    assert made == [((7, 7, 2), 6), ((3,), 0), {"select_tag": "fixed_pt"}]


def test_a_spiking_convolution_as_output(hardware, rng):
    weight = 2 * rng.integers(-20, 30, (3, 1, 2, 2)).astype(np.int32)
    model = Model((Conv(weight, Neuron(4096, 100, 60), (3, 2, 3)),), (1, 3, 4), name="conv output")
    stimulus = Stimulus(rng.integers(0, 2, (4, 1, 3, 4, 6)).astype(np.int32), 6)
    want = backend("lava").run(model, stimulus)
    got = hardware.run(model, stimulus)
    assert want.output_counts.any()
    np.testing.assert_array_equal(got.output_counts, want.output_counts)
    np.testing.assert_array_equal(got.prediction, want.prediction)


def test_recurrent_samples_run_one_by_one(hardware, resets, recurrent_model, rng):
    stimulus = Stimulus(rng.integers(0, 2, (2, 5, 6)).astype(np.int32), 6)
    want = backend("lava").run(recurrent_model, stimulus)
    np.testing.assert_array_equal(hardware.run(recurrent_model, stimulus).output_counts, want.output_counts)
    assert len(resets) == 2


@pytest.mark.parametrize("problem", ["input", "kind", "soft reset", "bias", "keep"])
def test_what_the_chip_lacks_is_refused_by_name(hardware, problem):
    dense = Dense(np.array([[2]], dtype=np.int32), READOUT)
    other_kind = replace(dense, neuron=replace(READOUT, kind="IZHIKEVICH"))
    soft_reset = replace(dense, neuron=replace(READOUT, reset="soft"))
    biased = replace(dense, bias=np.array([1], dtype=np.int32), recurrent_weight=dense.weight)
    layers, message = {
        "input": ((Input((1,), READOUT), dense), "refused: 0 input: takes images as biases"),
        "kind": ((other_kind,), "0 dense: has neurons of kind 'IZHIKEVICH'"),
        "soft reset": ((dense, soft_reset), "1 dense: resets softly"),
        "bias": ((biased,), "recurrent or delayed synapses and biases"),
        "keep": ((dense,), "keep none"),
    }[problem]
    with pytest.raises(BackendError, match=message):
        hardware.run(
            Model(layers, (1,), name="refused"),
            Stimulus(np.ones((1, 1, 1), dtype=np.int32), 2),
            keep=(0,) if problem == "keep" else (),
        )
