"""A sigma-delta stage made ready for the compiled loop, and run by it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lavarobust.dynamics.sharing import share_turns
from lavarobust.dynamics.sigma_delta import States
from lavarobust.dynamics.turns import Turns
from lavarobust.execution.simulator.order import positions
from lavarobust.execution.simulator.patches import Patches, conv_patches, dense_patches
from lavarobust.execution.simulator.prepared import in_rows
from lavarobust.execution.simulator.sigma_delta_reference import SigmaDeltaRun, run_sigma_delta_stage
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage
from lavarobust.execution.simulator.sigma_delta_window import (
    SigmaDeltaNeurons,
    SigmaDeltaResults,
    run_encoder,
    run_sigma_delta,
    sigma_delta_scratch,
)
from lavarobust.execution.simulator.vectors import LANES
from lavarobust.execution.simulator.window import Synapses
from lavarobust.netx.limits import CONV_SUM_BITS
from lavarobust.netx.model import Conv, Shape

_INT32_HALF_RANGE = 1 << 31
_CONV_SUM_LIMIT = 1 << (CONV_SUM_BITS - 1)


@dataclass(frozen=True, eq=False)
class SigmaDeltaSent:
    """What a population did in a window.

    Attributes:
        messages: ``(N, T, neurons)`` int32 in (H, W, C) order.
        totals: ``(N, neurons)`` int32 sums at the window's end, in the same order.
        counts: ``(4, N, T)``: input events, synops, synops_dense, messages sent.
        cuts: ``(2, N, T)``: sums or inputs that lost bits, states that wrapped.
        peak: the largest magnitude of a message.
    """

    messages: np.ndarray
    totals: np.ndarray
    counts: np.ndarray
    cuts: np.ndarray
    peak: int


@dataclass(frozen=True, eq=False)
class PreparedSigmaDelta:
    """A stage for the compiled loop.

    Attributes:
        stage: what it is.
        lead: what it does before the first frame can reach it, of one sample.
        patches: synapses; None of an encoder, and of a layer that only the reference runs.
        neurons: its constants, and the states after its lead; None with ``patches``.
    """

    stage: SigmaDeltaStage
    lead: SigmaDeltaRun
    patches: Patches | None
    neurons: SigmaDeltaNeurons | None

    def fits(self, peak: int) -> bool:
        """Whether messages of this magnitude keep every sum within 32 bits, where loops compute it."""
        reach = 1 if self.patches is None else self.patches.signed_reach
        return peak < _INT32_HALF_RANGE - 1 and reach * peak < _INT32_HALF_RANGE

    @property
    def stepwise(self) -> bool:
        """Whether only the reference runs it: delayed and recurrent synapses."""
        return self.stage.weight is not None and self.patches is None


@lru_cache(maxsize=16)
def prepare_sigma_delta(
    stages: tuple[SigmaDeltaStage, ...], input_shape: Shape
) -> tuple[PreparedSigmaDelta, ...]:
    """All stages of a compiled model, whose samples are of ``input_shape``."""
    prepared: list[PreparedSigmaDelta] = []
    arriving, source = np.zeros((0, 1, *input_shape), dtype=np.int32), input_shape
    for stage in stages:
        lead = run_sigma_delta_stage(stage, arriving, stage.lead)
        prepared.append(prepared_stage(stage, source, lead))
        arriving, source = lead.messages, stage.shape
    return tuple(prepared)


def prepared_stage(stage: SigmaDeltaStage, source: Shape, lead: SigmaDeltaRun) -> PreparedSigmaDelta:
    """A stage behind a population of shape ``source``."""
    loaded, layer = stage.weight, stage.layer
    if loaded is None or stage.delays is not None or stage.recurrent_fan_out is not None:
        return PreparedSigmaDelta(stage, lead, None, None)
    assert stage.fan_out is not None
    arriving, order = positions(source), positions(stage.shape)
    weight, fan_out = loaded.weight.astype(np.int64), stage.fan_out[arriving]
    if isinstance(layer, Conv):
        geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
        patches = conv_patches(weight, stage.input_shape, stage.shape, *geometry, fan_out)
    else:
        patches = dense_patches(weight[:, arriving], fan_out)

    def rows(values: np.ndarray) -> np.ndarray:
        return in_rows(np.broadcast_to(values, stage.shape).reshape(1, -1)[:, order], patches)[0]

    states: States = lead.after
    bias = stage.neurons.bias
    neurons = SigmaDeltaNeurons(
        np.zeros(LANES, dtype=np.int32) if not bias.any() else rows(bias),
        stage.neurons.threshold,
        stage.neurons.kind == "sigma",
        *(rows(state[0]) for state in (states.total, states.activation, states.residue)),
    )
    return PreparedSigmaDelta(stage, lead, patches, neurons)


def run_prepared(layer: PreparedSigmaDelta, values: np.ndarray, steps: int) -> SigmaDeltaSent:
    """Run a chunk through one layer that is not stepwise.

    Args:
        values: ``(N, F, inputs)`` int32 messages or frames, in (H, W, C) order, that it :meth:`fits`.
    """
    samples, size = len(values), int(np.prod(layer.stage.shape))
    results = SigmaDeltaResults(
        np.empty(samples * steps * size, dtype=np.int32),
        np.zeros((samples, size), dtype=np.int32),
        np.zeros((4, samples, steps), dtype=np.int32),
        np.zeros((2, samples, steps), dtype=np.int32),
        np.zeros((samples, LANES), dtype=np.int32),
    )
    patches, neurons = layer.patches, layer.neurons
    if patches is None or neurons is None:

        def run(left: Turns) -> None:
            scratch = np.empty((2, size), dtype=np.int32)
            run_encoder(values, layer.stage.neurons.threshold, results, scratch, left)

    else:
        synapses = _synapses(layer, patches)

        def run(left: Turns) -> None:
            scratch = sigma_delta_scratch(patches.places, values.shape[2])
            run_sigma_delta(values, synapses, neurons, results, scratch, left)

    share_turns(run, samples)
    peak = int(results.peaks.max(initial=0))
    messages = results.messages.reshape(samples, steps, size)
    return SigmaDeltaSent(messages, results.totals, results.counts, results.cuts, peak)


def _synapses(layer: PreparedSigmaDelta, patches: Patches) -> Synapses:
    """Sums are brought to units of 1 before they are shifted as Lava shifts them, in 32 bits as there."""
    assert layer.stage.weight is not None
    return Synapses(
        patches.weights,
        patches.full,
        patches.places,
        patches.scale,
        layer.stage.weight.shift,
        isinstance(layer.stage.layer, Conv),
    )
