"""The backend against stock Lava: its own models, sources and sinks, nothing of ours in the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lavarobust.netx.model import READOUT, Conv, Dense, Flatten, Model, Neuron
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")
from lavarobust.execution.lava import LavaBackend  # isort: skip (it prepares the import of lava)

from lava.lib.dl import netx
from lava.lib.dl.netx.hdf5 import Network
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import Read
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source

from lavarobust.execution.lava.stimulus import bias_mantissas, lava_frames, message_bits
from lavarobust.netx.write import write_model

SHIPPED = Path(netx.__file__).parents[4] / "tests/lava/lib/dl/netx"
LAVA = LavaBackend(fast_convolution=False)


def stock(path, model, stimulus, connect):
    """Every layer's spikes ``(n, steps)`` in Lava's order and the last layer's potentials."""
    steps, samples = stimulus.steps, stimulus.samples
    network = Network(
        str(path),
        input_shape=model.input_shape[::-1],
        input_message_bits=message_bits(stimulus),
        reset_interval=steps,
        reset_offset=1,
    )
    depth, total = len(network), samples * steps + len(network)
    connect(network)
    sinks = []
    for block in network.layers:
        sinks.append(Sink(shape=block.out.shape, buffer=total))
        block.out.connect(sinks[-1].a_in)
    read = Read(buffer=samples + 1, interval=steps, offset=(depth - 1) % steps)
    read.connect_var(network.layers[-1].neuron.v)
    network.run(RunSteps(num_steps=total), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        return [sink.data.get() for sink in sinks], read.data.get()
    finally:
        network.stop()


def windows(spikes, layer, position, samples, steps):
    """Lava's sink of the layer at that position as ``(N, *shape, T)``."""
    cut = spikes[..., position + 1 : position + 1 + samples * steps]
    ordered = cut.reshape(-1, samples * steps).reshape(*layer.shape[::-1], samples, steps)
    axes = (ordered.ndim - 2, *range(len(layer.shape) - 1, -1, -1), ordered.ndim - 1)
    return ordered.transpose(axes)


def test_streamed_samples_equal_stock_lava(rng, tmp_path):
    def even(shape, low, high):
        return 2 * rng.integers(low, high, shape).astype(np.int32)

    conv = Conv(even((3, 1, 3, 3), -10, 20), Neuron(0, 50, 200), (3, 4, 4), stride=(2, 2), padding=(1, 1))
    dense = Dense(even((6, 48), -20, 21), Neuron(4096, 100, 50), bias=np.arange(-3, 3, dtype=np.int32))
    model = Model((conv, Flatten(), dense, Dense(even((4, 6), -20, 21), READOUT)), (1, 8, 8), name="stock")
    stimulus = Stimulus(rng.integers(0, 17, (3, 1, 8, 8, 1)).astype(np.int32), 7)
    path = tmp_path / "stock.net"
    write_model(model, path)

    frames = np.zeros((3, 7, 8, 8, 1), dtype=np.int32)
    frames[:, :1] = lava_frames(model, stimulus)
    source = Source(data=np.moveaxis(frames.reshape(-1, 8, 8, 1), 0, -1))
    spikes, potential = stock(path, model, stimulus, lambda network: source.s_out.connect(network.inp))

    record = LAVA.run(model, stimulus, "membrane", keep=(0, 2, 3))
    for position, (index, layer) in enumerate(model.populations):
        np.testing.assert_array_equal(record.rasters[index], windows(spikes[position], layer, position, 3, 7))
    np.testing.assert_array_equal(record.potential.T, potential[:, 1:])
    assert 0.005 < record.rasters[0].mean() < 0.95
    assert 0.005 < record.rasters[2].mean() < 0.95


@pytest.mark.parametrize("name, steps", [("tiny.net", 5), ("mnist.net", 20)])
def test_shipped_networks_with_input_neurons_equal_stock_lava(name, steps, rng):
    from lavarobust.netx.read import read_model

    if not (SHIPPED / name).exists():
        pytest.skip("this installation of lava-dl carries no tests")
    model = read_model(SHIPPED / name)
    image = rng.integers(-80, 120, (1, *model.input_shape, 1)).astype(np.int32)
    stimulus = Stimulus(image, steps)
    mantissas = bias_mantissas(stimulus)[0]

    def drive(network):
        network.in_layer.neuron.bias_mant.init = mantissas

    spikes, _ = stock(SHIPPED / name, model, stimulus, drive)
    twice = Stimulus(np.concatenate([-stimulus.frames, stimulus.frames]), steps)
    record = LAVA.run(model, twice, keep=[index for index, _ in model.populations])
    for position, (index, layer) in enumerate(model.populations):
        want = windows(spikes[position], layer, position, 1, steps)
        np.testing.assert_array_equal(record.rasters[index][1:], want)
    assert all(record.rasters[index][1].any() for index, _ in model.populations[:2])
