"""The ``loihi2`` backend: the road of ``lava`` with the hardware's run configuration.

It has not been run on hardware: Intel's lava-loihi is closed and was not at hand. What is assumed of
it, from public programs that use it: ``lava.proc.embedded_io.spike`` holds ``PyToNxAdapter`` and
``NxToPyAdapter``, Processes with ports ``inp`` and ``out``, built from ``shape`` and
``num_message_bits``, that add no time step; and ``lava.proc.io.sink.Read`` reads the potential of a
population on the chip.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

import numpy as np
from lava.lib.dl.netx.hdf5 import Network
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2HwCfg
from lava.proc.io.sink import Read, RingBuffer
from lava.utils import loihi

from lavarobust.errors import BackendError
from lavarobust.execution.fitting import fitting
from lavarobust.execution.lava.collect import from_lava_order
from lavarobust.execution.lava.network import stock_network
from lavarobust.execution.lava.processes.source import FrameSource
from lavarobust.execution.lava.session import forgetting_processes
from lavarobust.execution.lava.stimulus import lava_frames, message_bits
from lavarobust.execution.lava.streaming import carries
from lavarobust.netx.chip import chip_refusals, window_of
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus, decide

_ADAPTERS = "lava.proc.embedded_io.spike"


class Loihi2Backend:
    """Loihi 2 through Intel's lava-loihi; not yet run on hardware.

    A sample's window is the smallest power of two >= T; steps from T on carry no input and are not
    read out. The chip returns outputs only, so the record holds no counts per layer.

    Raises:
        BackendError: lava-loihi is not installed.
    """

    name = "loihi2"

    def __init__(self) -> None:
        if not loihi.is_installed():
            raise BackendError(
                "the backend 'loihi2' needs lava-loihi, Intel's closed extension of Lava for members of its "
                "research community (INRC), and a Loihi 2 board; it is not installed. "
                "The backends 'lava' and 'simulator' compute the same integers on a CPU"
            )

    def run(
        self,
        model: Model,
        stimulus: Stimulus,
        readout: ReadoutKind = "spike_count",
        keep: Collection[int] = (),
    ) -> Record:
        """See :meth:`lavarobust.execution.protocol.Backend.run`; ``Record.layers`` stays empty."""
        stimulus = fitting(model, stimulus, keep)
        _refuse_what_the_chip_lacks(model)
        if keep:
            raise BackendError(f"{model.name}: spikes inside the chip can't be read out; keep none")
        # recurrent and delayed synapses carry spikes into the next window
        parts = [stimulus] if not carries(model) else _one_by_one(stimulus)
        outputs = [_execute(model, part, readout) for part in parts]
        output_counts = np.concatenate([counts for counts, _ in outputs])
        potential = np.concatenate([states for _, states in outputs]) if readout == "membrane" else None
        prediction, tied = decide(output_counts if potential is None else potential)
        return Record(
            backend=self.name,
            model=model.name,
            steps=stimulus.steps,
            readout=readout,
            prediction=prediction,
            tied=tied,
            output_counts=output_counts,
            potential=potential,
            layers=(),
        )


def _one_by_one(stimulus: Stimulus) -> list[Stimulus]:
    return [stimulus.taken(slice(i, i + 1)) for i in range(stimulus.samples)]


def _execute(model: Model, stimulus: Stimulus, readout: ReadoutKind) -> tuple[np.ndarray, np.ndarray]:
    """Output counts and, for a membrane readout, final potentials: ``(N, classes)`` int64 each."""
    window, steps, samples = window_of(stimulus.steps), stimulus.steps, stimulus.samples
    with forgetting_processes():
        network = stock_network(model, window, message_bits(stimulus))
        depth = len(network)
        total = depth + (samples - 1) * window + steps
        spikes = _connect(network, model, stimulus, window, total)
        # the state of step T - 1 is there at the end of time step depth + T; earlier hits are dropped
        early, offset = divmod(depth + steps - 1, window)
        if readout == "membrane":
            read = Read(buffer=samples + early, interval=window, offset=offset)
            read.connect_var(network.out_layer.neuron.v)
        try:
            network.run(RunSteps(num_steps=total), run_cfg=Loihi2HwCfg(select_tag="fixed_pt"))
            raster = _ordered(spikes.data.get(), model)
            potential = _ordered(read.data.get(), model)[early:] if readout == "membrane" else raster[:0]
        finally:
            network.stop()
    first = depth + window * np.arange(samples)[:, None] + np.arange(steps)
    return raster[first].sum(axis=1), potential


def _connect(network: Network, model: Model, stimulus: Stimulus, window: int, total: int) -> RingBuffer:
    """Frames in and output spikes out, through the adapters between host and chip."""
    adapters = import_module(_ADAPTERS)
    source = FrameSource(frames=lava_frames(model, stimulus), window=window)
    into = adapters.PyToNxAdapter(shape=network.inp.shape, num_message_bits=message_bits(stimulus))
    out_of = adapters.NxToPyAdapter(shape=network.out.shape, num_message_bits=0)
    sink = RingBuffer(shape=network.out.shape, buffer=total)
    source.s_out.connect(into.inp)
    into.out.connect(network.inp)
    network.out.connect(out_of.inp)
    out_of.out.connect(sink.a_in)
    return sink


def _ordered(values: np.ndarray, model: Model) -> np.ndarray:
    """``(*shape, columns)`` in Lava's order to ``(columns, neurons)`` int64 in (C, H, W) order."""
    flat = values.reshape(-1, values.shape[-1]).T
    return from_lava_order(flat, model.populations[-1][1].shape).astype(np.int64)


def _refuse_what_the_chip_lacks(model: Model) -> None:
    for refusal in chip_refusals(model):
        raise BackendError(f"{model.name}: {refusal.layer}: {refusal.problem}. {refusal.remedy}")
