"""Stock Lava as users run it: lava-dl's network, Lava's own source, sink, loader and reader, outputs only.

Nothing of Lava is replaced, no worker runs beside another, and what is timed is the running of samples
alone: loading, compiling, forking, the first steps and the fetching of what was recorded are left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.networks import Case
from lavarobust.execution.lava import LavaBackend  # prepares the import of lava
from lavarobust.execution.lava.network import stock_network
from lavarobust.execution.lava.session import Session, forgetting_processes
from lavarobust.execution.lava.stimulus import bias_mantissas, lava_frames, message_bits
from lavarobust.netx import Input, Model
from lavarobust.record import Record, Stimulus

from lava.lib.dl.netx.hdf5 import Network  # isort: skip
from lava.magma.core.run_configs import Loihi2SimCfg  # isort: skip
from lava.proc.io.dataloader import StateDataloader  # isort: skip
from lava.proc.io.sink import Read, RingBuffer as Sink  # isort: skip
from lava.proc.io.source import RingBuffer as Source  # isort: skip

__all__ = ["LavaBackend", "Streamed", "differences", "outputs", "run_stock", "stream"]


@dataclass(frozen=True)
class Streamed:
    """What Lava recorded, and how long its samples took.

    Attributes:
        outputs: spikes of the last layer ``(N, *shape, T)``, or its potentials ``(N, *shape)`` at the end
            of each window.
        milliseconds: of one sample.
    """

    outputs: np.ndarray
    milliseconds: float


def run_stock(case: Case, stimulus: Stimulus) -> Streamed:
    """Samples through one network, or each through its own where that is the only way."""
    if not case.fresh:
        return stream(case, stimulus)
    runs = [stream(case, stimulus.taken(slice(n, n + 1))) for n in range(stimulus.samples)]
    return Streamed(
        np.concatenate([run.outputs for run in runs]), sum(run.milliseconds for run in runs) / len(runs)
    )


def stream(case: Case, stimulus: Stimulus) -> Streamed:
    """Run samples one behind the other through one network, reset between them."""
    model, steps, samples = case.model, stimulus.steps, stimulus.samples
    with forgetting_processes():
        network = stock_network(model, steps, message_bits(stimulus))
        depth = _latency(network, model)
        total = depth + samples * steps
        _feed(network, case, stimulus)
        fetch = _record_outputs(network, case, depth, samples, total)
        with Session(network, Loihi2SimCfg(select_tag="fixed_pt")) as session:
            session.advance(depth)
            start = time.perf_counter()
            session.advance(total - depth)
            taken = time.perf_counter() - start
            return Streamed(fetch(), 1e3 * taken / samples)


def outputs(record: Record, case: Case) -> np.ndarray:
    """The same outputs of an execution that kept the last layer's raster."""
    if case.readout == "membrane":
        assert record.potential is not None
        return record.potential.reshape(record.samples, *case.model.output_layer.shape)
    return record.rasters[case.model.populations[-1][0]]


def differences(one: np.ndarray, other: np.ndarray) -> int:
    """Values that differ; all of them where the shapes do."""
    return max(one.size, other.size) if one.shape != other.shape else int((one != other).sum())


def _feed(network: Network, case: Case, stimulus: Stimulus) -> None:
    """Send frames through a source, or load images into the input population at the end of step 1, T + 1, ..

    just before the sample's window begins at that layer.
    """
    has_input_neurons = isinstance(case.model.populations[0][1], Input)
    if has_input_neurons and not case.model.sigma_delta:
        images = bias_mantissas(stimulus)
        loader = StateDataloader(dataset=[(image, 0) for image in images], interval=stimulus.steps)
        loader.connect_var(network.in_layer.neuron.bias_mant)
        return
    missing = stimulus.steps - stimulus.frames.shape[-1]
    padding = [(0, 0)] * (stimulus.frames.ndim - 1) + [(0, missing)]
    frames = lava_frames(case.model, replace(stimulus, frames=np.pad(stimulus.frames, padding)))
    data = np.moveaxis(frames.reshape(-1, *frames.shape[2:]), 0, -1)
    Source(data=data).s_out.connect(network.in_layer.neuron.a_in if has_input_neurons else network.inp)


def _latency(network: Network, model: Model) -> int:
    """Steps before the last layer's first window: one per synapse layer, and one to load an image."""
    return len(network) - (model.sigma_delta and isinstance(model.populations[0][1], Input))


def _record_outputs(
    network: Network, case: Case, depth: int, samples: int, total: int
) -> Callable[[], np.ndarray]:
    """Attach a sink or a reader to the last layer; returns what fetches its windows."""
    steps, shape = case.stimulus.steps, case.model.output_layer.shape
    axes = (-1, *range(len(shape) - 1, -1, -1))
    if case.readout == "membrane":
        # the last layer's windows end in steps T + depth, 2 T + depth, ...; it also reads before the first
        early = 1 + (depth - 1) // steps
        read = Read(buffer=samples + early, interval=steps, offset=(depth - 1) % steps)
        read.connect_var(network.layers[-1].neuron.v)
        return lambda: read.data.get()[..., early:].transpose(axes).astype(np.int64)
    sink = Sink(shape=network.out.shape, buffer=total)
    network.out.connect(sink.a_in)

    def spikes() -> np.ndarray:
        window = sink.data.get()[..., depth:].astype(np.int64)
        by_sample = window.reshape(*shape[::-1], samples, steps)
        return by_sample.transpose(-2, *range(len(shape) - 1, -1, -1), -1)

    return spikes
