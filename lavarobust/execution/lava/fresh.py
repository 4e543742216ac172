"""Every sample in a network of its own: what neurons need that nothing resets.

Lava starts all layers at once, so biases have settled a little in the later ones when the first frame
arrives there. Counts begin with a layer's window, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from lava.magma.core.run_configs import Loihi2SimCfg

from lavarobust.execution.lava.collect import PopulationSlice, population_slice
from lavarobust.execution.lava.network import stock_network
from lavarobust.execution.lava.processes.source import FrameSource
from lavarobust.execution.lava.session import Session, forgetting_processes
from lavarobust.execution.lava.shared import Trace
from lavarobust.execution.lava.sigma_delta_neurons import COUNTING_MODELS
from lavarobust.execution.lava.stimulus import lava_frames, message_bits
from lavarobust.netx.model import Input, Model
from lavarobust.record import Stimulus


def run_fresh(
    model: Model,
    stimulus: Stimulus,
    sparse_fc_layer: bool,
    add: Callable[[int, list[PopulationSlice]], None],
    report: Callable[[int], None],
) -> None:
    """Run the samples of a sigma-delta model one by one.

    Args:
        add: called with each sample's index and what every population did.
        report: called with the number of samples that are done.
    """
    for sample in range(stimulus.samples):
        add(sample, _run(model, stimulus.taken(slice(sample, sample + 1)), sparse_fc_layer))
        report(sample + 1)


def _run(model: Model, stimulus: Stimulus, sparse_fc_layer: bool) -> list[PopulationSlice]:
    encoded = isinstance(model.populations[0][1], Input)
    with forgetting_processes():
        # messages are never spikes, also where all are 0 or 1
        network = stock_network(model, stimulus.steps, max(1, message_bits(stimulus)), sparse_fc_layer)
        traces = []
        window = stimulus.steps + len(network) + 1  # the first layers run on while the last one ends
        for position, block in enumerate(network.layers):
            # a frame is sent at step 1; every synapse layer takes a step, an encoder none
            first_step = position + 1 if encoded else position + 2
            neurons = int(np.prod(block.neuron.s_out.shape))
            traces.append(Trace.allocate(first_step, stimulus.steps, window, 1, neurons, np.int32))
            block.neuron.proc_params["trace"] = traces[-1]
        source = FrameSource(frames=lava_frames(model, stimulus), window=window)
        source.s_out.connect(network.in_layer.neuron.a_in if encoded else network.inp)
        with Session(
            network, Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map=COUNTING_MODELS)
        ) as session:
            session.advance(traces[-1].first_step - 1 + stimulus.steps)
            return [
                population_slice(trace, np.array([0]), layer.shape)
                for trace, (_, layer) in zip(traces, model.populations, strict=True)
            ]
