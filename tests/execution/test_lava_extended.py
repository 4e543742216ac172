"""Extended models in Lava through Processes of this project, and the Process by itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from extended_models import gated, softened

from lavarobust.draws import Keys
from lavarobust.dynamics.gate import gate_draws
from lavarobust.errors import BackendError
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.model import UNSPECIFIED, Conv, Dense, Input, Model, Neuron, Shortcut
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")

from lavarobust.execution.lava import LavaBackend
from lavarobust.execution.lava.extended import extended_network
from lavarobust.execution.lava.network import stock_network
from lavarobust.execution.lava.processes.graded_sum import GradedSum
from lavarobust.execution.lava.processes.relay import Relay
from lavarobust.execution.lava.processes.soft_reset import SoftLIFReset
from lavarobust.execution.lava.processes.stochastic_gate import StochasticGate
from lavarobust.execution.lava.session import forgetting_processes


def everything(model, stimulus, backend):
    return backend.run_with_states(model, stimulus, "membrane", [index for index, _ in model.populations])


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("indices", [(), (2,)])
def test_convolutions_and_dense_layers_with_soft_reset_stream_exactly(conv_model, rng, agrees, fast, indices):
    model = softened(conv_model, *indices)
    stimulus = Stimulus(rng.integers(-9, 17, (5, 2, 7, 7, 3)).astype(np.int32), 7)
    record, states = everything(model, stimulus, LavaBackend(fast_convolution=fast))
    agrees(model, stimulus, record, states)
    hard = Simulator().run(conv_model, stimulus, "membrane")
    assert any(
        (soft.spikes != other.spikes).any() for soft, other in zip(record.layers, hard.layers, strict=True)
    )


def test_recurrent_and_delayed_layers_with_soft_reset(recurrent_model, rng, agrees):
    model = softened(recurrent_model)
    stimulus = Stimulus(rng.integers(0, 2, (4, 5, 12)).astype(np.int32), 12)
    for sparse in (False, True):
        record, states = everything(model, stimulus, LavaBackend(sparse_fc_layer=sparse))
        agrees(model, stimulus, record, states)


def test_input_neurons_with_soft_reset(rng, agrees):
    layers = (
        Input((2, 3, 4), Neuron(4096, 0, 40)),
        Conv(2 * rng.integers(-20, 30, (3, 2, 2, 2)).astype(np.int32), Neuron(0, 90, 300), (3, 2, 3)),
        Dense(2 * rng.integers(-9, 10, (4, 18)).astype(np.int32), UNSPECIFIED),
    )
    model = softened(Model(layers, (2, 3, 4), name="input neurons"), 0, 1)
    stimulus = Stimulus(rng.integers(0, 60, (3, 2, 3, 4, 1)).astype(np.int32), 6)
    record, states = everything(model, stimulus, LavaBackend())
    assert 0.05 < record.layers[0].spikes.sum() / (3 * 24 * 6) < 0.95
    agrees(model, stimulus, record, states)


def test_wraps_and_clips_are_counted_with_soft_reset(rng, agrees):
    first = Dense(254 * np.sign(rng.standard_normal((9, 40))).astype(np.int32), Neuron(0, 0, 100_000))
    model = softened(Model((first,), (40,), name="wraps"))
    stimulus = Stimulus(rng.integers(-300, 301, (6, 40, 2)).astype(np.int32), 9)
    record, states = everything(model, stimulus, LavaBackend())
    agrees(model, stimulus, record, states)
    assert record.layers[0].wraps.sum() and record.layers[0].clips.sum() and record.layers[0].spikes.sum()


@pytest.mark.parametrize("change", [lambda model: model, softened])
def test_gated_convolutions_and_dense_layers_stream_exactly(conv_model, rng, agrees, change):
    model = gated(change(conv_model), 1, 2, 4)
    frames = rng.integers(-9, 17, (5, 2, 7, 7, 3)).astype(np.int32)
    stimulus = Stimulus(frames, 7, keys=Keys(rng.integers(0, 1 << 40, 5), draw=9))
    record, states = everything(model, stimulus, LavaBackend())
    agrees(model, stimulus, record, states)
    free = Simulator().run(change(conv_model), stimulus, "membrane")
    assert 0 < record.layers[0].spikes.sum() < free.layers[0].spikes.sum()
    assert (record.potential != free.potential).any()


def test_gates_in_front_of_delayed_and_recurrent_layers(recurrent_model, rng, agrees):
    model = gated(recurrent_model)
    frames = rng.integers(0, 2, (4, 5, 12)).astype(np.int32)
    stimulus = Stimulus(frames, 12, keys=Keys(np.array([7, 0, 7, 3]), draw=1))
    record, states = everything(model, stimulus, LavaBackend())
    agrees(model, stimulus, record, states)


def test_workers_draw_the_same_gates(conv_model, rng, agrees):
    model = gated(conv_model, 2, 5)
    stimulus = Stimulus(rng.integers(-9, 17, (5, 2, 7, 7, 3)).astype(np.int32), 5)
    with LavaBackend(workers=2) as backend:
        agrees(model, stimulus, *everything(model, stimulus, backend))


def test_a_plain_model_is_wired_as_the_stock_loader_wires_it(conv_model, recurrent_model):
    for model in (conv_model, recurrent_model):
        with forgetting_processes():
            ours, stock = extended_network(model, 8, 5), stock_network(model, 8, 5)
            assert len(ours) == len(stock) and ours.inp.shape == stock.inp.shape
            for block, other in zip(ours.layers, stock.layers, strict=True):
                for mine, theirs in ((block.neuron, other.neuron), (block.synapse, other.synapse)):
                    assert type(mine) is type(theirs)
                    for var in theirs.vars:
                        np.testing.assert_array_equal(getattr(mine, var.name).init, var.init, var.name)
                    for key in ("reset_interval", "reset_offset", "weight_exp", "num_weight_bits"):
                        np.testing.assert_array_equal(mine.proc_params.get(key), theirs.proc_params.get(key))


def test_a_layer_that_lava_can_not_build_is_named():
    zeros = Dense(np.zeros((2, 2), dtype=np.int32), Neuron(4096, 0, 3, reset="soft"))
    with (
        forgetting_processes(),
        np.errstate(divide="ignore", invalid="ignore"),
        pytest.raises(BackendError, match=r"zeros: Lava fails to build layer 0 dense \(.*'simulator'"),
    ):
        extended_network(Model((zeros,), (2,), name="zeros"), 8, 0)


def test_the_process_runs_on_its_own():
    """Input 5 a step at threshold 7 (times 64): 5, 10 -> 3, 8 -> 1, 6, 11 -> 4, 9 -> 2; reset at step 7."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    with forgetting_processes():
        source = Source(data=np.full((1, 8), 5))
        neuron = SoftLIFReset(shape=(1,), du=4095, dv=0, vth=7, reset_interval=6, reset_offset=1)
        sink = Sink(shape=(1,), buffer=8)
        source.s_out.connect(neuron.a_in)
        neuron.s_out.connect(sink.a_in)
        neuron.run(condition=RunSteps(num_steps=8), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        try:
            assert sink.data.get().astype(int).tolist() == [[0, 1, 1, 0, 1, 1, 0, 1]]
            assert neuron.v.get().tolist() == [3 * 64]
        finally:
            neuron.stop()


def test_the_gate_runs_on_its_own():
    """Two samples of three steps, a silent step between; ones arrive all the time."""
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    keys = Keys(np.array([11, 4]), draw=2)
    opening = np.array([0, 20_000, 40_000, 65_536], dtype=np.int32)
    with forgetting_processes():
        source = Source(data=np.ones((4, 1)))
        gate = StochasticGate(opening=opening, seed=8, stream=1, steps=3, window=4, first_step=2, keys=keys)
        sink = Sink(shape=(4,), buffer=10)
        source.s_out.connect(gate.s_in)
        gate.s_out.connect(sink.a_in)
        gate.run(condition=RunSteps(num_steps=10), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        try:
            sent = sink.data.get().astype(int).T
        finally:
            gate.stop()
    passes = (gate_draws(8, 1, keys, 3, 4) < opening).astype(int)
    silence = np.zeros((1, 4), dtype=int)
    np.testing.assert_array_equal(sent, np.vstack([silence, passes[0], silence, passes[1], silence, silence]))
    assert passes[:, :, 3].all() and not passes[:, :, 0].any() and 0 < passes[:, :, 1:3].mean() < 1


@pytest.mark.parametrize("seed", [3, 10, 27])
def test_random_graphs_with_shortcuts_and_sums_stream_exactly(seed):
    from benchmarks.parity.compare import compare
    from benchmarks.parity.residual import random_model
    from benchmarks.parity.trial import Trial

    model, stimulus, readout = random_model(np.random.default_rng(seed))
    assert set(model.extensions) >= {"skip connection", "graded sum"}
    comparison = compare(Trial(model, stimulus, readout, fast_convolution=seed % 2 == 0))
    assert comparison.differences == ()


def test_a_shortcut_in_lava_waits_for_the_longer_path(rng, agrees):
    """Around two layers, then around one, and beside one: two relays, one, none."""
    first = Dense(2 * rng.integers(-20, 40, (6, 5)).astype(np.int32), Neuron(4096, 300, 40))
    hidden = [
        Dense(2 * rng.integers(-20, 40, (6, 6)).astype(np.int32), Neuron(4096, 0, 90)) for _ in range(3)
    ]
    beside = [Shortcut(source, 2 * rng.integers(-30, 40, (6, 6)).astype(np.int32)) for source in range(3)]
    joined = replace(hidden[2], shortcuts=tuple(beside))
    model = Model((first, *hidden[:2], joined), (5,), name="three paths")
    stimulus = Stimulus(rng.integers(0, 2, (5, 5, 9)).astype(np.int32), 9)
    record, states = everything(model, stimulus, LavaBackend())
    agrees(model, stimulus, record, states)
    alone = Simulator().run(replace(model, layers=(first, *hidden)), stimulus, keep=[3])
    assert (alone.rasters[3] != record.rasters[3]).any()


def test_a_relay_and_a_graded_sum_run_on_their_own():
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io.sink import RingBuffer as Sink
    from lava.proc.io.source import RingBuffer as Source

    with forgetting_processes():
        source = Source(data=np.array([[5, 6, -6, -5, -7, 0, 1, 2]]))
        total, relay = GradedSum(shape=(1,), shift=2), Relay(shape=(1,), steps=3)
        sink = Sink(shape=(1,), buffer=8)
        source.s_out.connect(total.a_in)
        total.s_out.connect(relay.s_in)
        relay.s_out.connect(sink.a_in)
        relay.run(condition=RunSteps(num_steps=8), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        try:
            # quarters 1.25, 1.5, -1.5, -1.25, -1.75: the nearest, of halves the upper one
            assert sink.data.get().astype(int).tolist() == [[0, 0, 0, 1, 2, -1, -1, -2]]
        finally:
            relay.stop()
