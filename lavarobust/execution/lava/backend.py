"""Executes a model on Lava's CPU simulator, one network for many samples: lava-dl's own of a plain model."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import nullcontext
from functools import partial

import numpy as np
from lava.lib.dl.netx.hdf5 import Network
from lava.magma.core.run_configs import Loihi2SimCfg

from lavarobust.compat import fast_convolution as fast_convolution_patch
from lavarobust.errors import BackendError
from lavarobust.execution.fitting import fitting
from lavarobust.execution.lava.collect import Collector, PopulationSlice, population_slice
from lavarobust.execution.lava.extended import extended_network
from lavarobust.execution.lava.fresh import run_fresh
from lavarobust.execution.lava.network import stock_network
from lavarobust.execution.lava.neurons import COUNTING_MODELS
from lavarobust.execution.lava.parts import Part, cut, joined, run_part
from lavarobust.execution.lava.processes.extended_network import ExtendedNetwork
from lavarobust.execution.lava.processes.source import FrameSource
from lavarobust.execution.lava.session import Session, forgetting_processes
from lavarobust.execution.lava.shared import Drive, Trace
from lavarobust.execution.lava.stimulus import bias_mantissas, lava_frames, message_bits
from lavarobust.execution.lava.streaming import Carry, carries, silent_steps
from lavarobust.execution.workers import Workers
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.graph import sends_values
from lavarobust.netx.model import Input, Model
from lavarobust.record import Record, Stimulus

_SLICE_SAMPLES = 32
_SLICE_BYTES = 1 << 28


class LavaBackend:
    """Lava's CPU simulator with its bit-accurate models (``Loihi2SimCfg(select_tag="fixed_pt")``).

    Feed-forward, undelayed networks stream all samples through one network. Recurrent and delayed
    ones stream with silent steps in between, and every sample that silence is not proved for runs
    again in a network of its own. Sigma-delta neurons, which nothing resets, always run in one.

    Args:
        fast_convolution: replace Lava's convolution by an exact, vectorised one while it runs.
        progress: called with the number of samples that went through the shared network.
        sparse_fc_layer: lava-dl's own option: dense layers run as Lava's ``Sparse`` and ``DelaySparse``.
        workers: processes among which the samples are divided; 1 runs them in this one. They never change
            a result, start with the first run and stay for the next; :meth:`close`, the end of a ``with``
            block or of the program ends them. A call to ``run`` ends in the thread that it began in.

    Raises:
        SettingsError: ``workers`` is no whole number from 1 on.
    """

    name = "lava"

    def __init__(
        self,
        fast_convolution: bool = True,
        progress: Callable[[int], None] | None = None,
        sparse_fc_layer: bool = False,
        workers: int = 1,
    ) -> None:
        self.fast_convolution = fast_convolution
        self.progress = progress
        self.sparse_fc_layer = sparse_fc_layer
        self._workers = Workers(workers)

    def __enter__(self) -> LavaBackend:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes; the next run starts fresh ones."""
        self._workers.close()

    def run(
        self,
        model: Model,
        stimulus: Stimulus,
        readout: ReadoutKind = "spike_count",
        keep: Collection[int] = (),
    ) -> Record:
        """See :meth:`lavarobust.execution.protocol.Backend.run`; a worker that dies is a BackendError."""
        if self._workers.count > 1:
            return self._side_by_side(model, stimulus, readout, keep, with_states=False)[0]
        return self._collect(model, stimulus, keep).record(self.name, readout)

    def run_with_states(
        self,
        model: Model,
        stimulus: Stimulus,
        readout: ReadoutKind = "spike_count",
        keep: Collection[int] = (),
    ) -> tuple[Record, dict[int, np.ndarray]]:
        """The record, and per layer index ``(2, N, *shape)`` int32: final current and potential."""
        if self._workers.count > 1:
            return self._side_by_side(model, stimulus, readout, keep, with_states=True)
        collector = self._collect(model, stimulus, keep)
        return collector.record(self.name, readout), collector.states()

    def _side_by_side(
        self,
        model: Model,
        stimulus: Stimulus,
        readout: ReadoutKind,
        keep: Collection[int],
        with_states: bool,
    ) -> Part:
        stimulus = fitting(model, stimulus, keep)
        make = partial(
            LavaBackend, fast_convolution=self.fast_convolution, sparse_fc_layer=self.sparse_fc_layer
        )
        parts = cut(stimulus, self._workers.count)
        done = [0] * len(parts)

        def report(part: int, finished: int) -> None:
            done[part] = finished
            if self.progress is not None:
                self.progress(sum(done))

        tasks = [(make, model, part, readout, tuple(keep), with_states) for part in parts]
        results = dict(self._workers.run(run_part, tasks, report))
        return joined([results[part] for part in range(len(parts))])

    def _collect(self, model: Model, stimulus: Stimulus, keep: Collection[int]) -> Collector:
        stimulus = fitting(model, stimulus, keep)
        collector = Collector(model, stimulus, keep)
        carried = carries(model)
        window = stimulus.steps + silent_steps(carried)
        make = extended_network if model.extensions else stock_network
        build = partial(make, model, window, message_bits(stimulus), self.sparse_fc_layer)
        with fast_convolution_patch() if self.fast_convolution else nullcontext():
            report = self.progress or _nothing
            if model.sigma_delta:
                run_fresh(model, stimulus, self.sparse_fc_layer, collector.add, report)
                return collector
            disturbed = _stream(build, model, stimulus, window, carried, collector.add, report)
            for sample in disturbed:
                alone = stimulus.taken(slice(sample, sample + 1))
                add = partial(_add_alone, collector, sample)
                _stream(build, model, alone, window, carried, add, _nothing)
        return collector


def _nothing(finished: int) -> None:
    """No progress to show."""


def _add_alone(collector: Collector, sample: int, first: int, slices: list[PopulationSlice]) -> None:
    collector.add(sample + first, slices)


def _stream(
    build: Callable[[], Network | ExtendedNetwork],
    model: Model,
    stimulus: Stimulus,
    window: int,
    carried: tuple[Carry, ...],
    add: Callable[[int, list[PopulationSlice]], None],
    report: Callable[[int], None],
) -> list[int]:
    """Run all samples in one network; returns those that the sample before could have touched."""
    at_once = _slice_samples(model, window)
    disturbed = []
    with forgetting_processes():
        network = build()
        depth = len(network)
        # the first layers are ahead of the last one by up to depth - 1 steps
        traces = _attach(network, model, stimulus, window, rows=at_once + -(-depth // window))
        with Session(network, _run_config()) as session:
            session.advance(depth)
            _refuse_early_spikes(model, traces, carried)
            for first in range(0, stimulus.samples, at_once):
                samples = np.arange(first, min(first + at_once, stimulus.samples))
                session.advance(len(samples) * window)
                add(first, [
                    population_slice(trace, samples, layer.shape)
                    for trace, (_, layer) in zip(traces, model.populations, strict=True)
                ])  # fmt: skip
                disturbed += [i + 1 for i in samples.tolist() if not _quiet_after(traces, i, carried)]
                report(first + len(samples))
    return [sample for sample in disturbed if sample < stimulus.samples]


def _run_config() -> Loihi2SimCfg:
    return Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=COUNTING_MODELS)


def _slice_samples(model: Model, window: int) -> int:
    per_sample = window * sum(int(np.prod(layer.shape)) for _, layer in model.populations)
    return max(1, min(_SLICE_SAMPLES, _SLICE_BYTES // per_sample))


def _attach(
    network: Network | ExtendedNetwork, model: Model, stimulus: Stimulus, window: int, rows: int
) -> list[Trace]:
    """Give every population a trace, and the first one its input."""
    traces = []
    for position, block in enumerate(network.layers):
        neurons = int(np.prod(block.neuron.s_out.shape))
        # the source sends at step 1, and every synapse layer takes one step
        kind = np.int32 if sends_values(model, position) else np.uint8
        trace = Trace.allocate(position + 2, stimulus.steps, window, rows, neurons, kind)
        block.neuron.proc_params["trace"] = trace
        traces.append(trace)
    if isinstance(network, ExtendedNetwork):
        for position, gate in network.gates.items():
            gate.proc_params.overwrite("steps", stimulus.steps)
            gate.proc_params.overwrite("keys", stimulus.gate_keys)
            gate.proc_params["trace"] = traces[position]
    first = model.populations[0][1]
    if isinstance(first, Input):
        drive = Drive(traces[0].first_step, window, bias_mantissas(stimulus))
        network.layers[0].neuron.proc_params["drive"] = drive
    else:
        FrameSource(frames=lava_frames(model, stimulus), window=window).s_out.connect(network.inp)
    return traces


def _quiet_after(traces: list[Trace], sample: int, carried: tuple[Carry, ...]) -> bool:
    """Whether nothing that sample ``sample`` sent can reach the window behind it."""
    for carry in carried:
        if carry.population < 0:
            continue  # the stimulus is silent for longer than any delay
        trace = traces[carry.population]
        if trace.spikes[sample % trace.spikes.shape[0], -carry.steps :].any():
            return False
    return True


def _refuse_early_spikes(model: Model, traces: list[Trace], carried: tuple[Carry, ...]) -> None:
    """Biases act before the first input arrives; what they send must not reach the first window."""
    for carry in carried:
        if carry.population >= 0 and traces[carry.population].early[-carry.steps :].any():
            raise BackendError(
                f"{model.name}: biases make neurons in front of layer {model.layer_name(carry.layer)} spike "
                "before the input arrives, and its recurrent or delayed synapses carry that into the "
                "sample, so Lava can't start from rest. Run it on the backend 'simulator'"
            )
