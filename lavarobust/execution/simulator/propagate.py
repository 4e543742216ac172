"""Whole windows through every layer: exact integers forward, autograd with a gradient rule backward.

Lava's one step of latency per synapse layer is an alignment, not a dependency: in a feed-forward
network layer k's window is layer k - 1's, one step later, so each layer runs its T steps at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.draws import Keys
from lavarobust.dynamics import (
    Convolution,
    State,
    Trajectory,
    conv_sums,
    dense_sums,
    integrate,
    integrate_by,
    integrate_conv,
    wrap,
)
from lavarobust.dynamics.gate import gate_draws, opened
from lavarobust.dynamics.graded import added, send_sums
from lavarobust.dynamics.sharpness import Recall, Statistics
from lavarobust.errors import BackendError, SettingsError
from lavarobust.execution.simulator.stages import Stage, Synapse
from lavarobust.netx.limits import STATE_SHIFT
from lavarobust.netx.model import Conv, Dense, Gate, Input, Shape

Memory = Callable[[int, torch.Tensor], Statistics]
"""A rule's statistics by the stage's position, at distances as :data:`Recall` has them."""

_INT16_HALF_RANGE = 1 << 15
_INT32_HALF_RANGE = 1 << 31


@dataclass(frozen=True, eq=False)
class LayerRun:
    """One layer's window.

    Attributes:
        stage: the layer.
        inputs: ``(F, N, *input_shape)`` what arrived at its first F steps; of a dense layer also
            ``(F, N, C, H, W)``.
        trajectory: what its neurons did, ``(T, N, *shape)``, with the spikes that were sent; where it sends
            its sum, that for spikes.
        beside: what its shortcuts brought, likewise, in their order.
    """

    stage: Stage
    inputs: torch.Tensor
    trajectory: Trajectory
    beside: tuple[torch.Tensor, ...] = ()


def propagate(
    stages: tuple[Stage, ...],
    frames: torch.Tensor,
    steps: int,
    keys: Keys | None = None,
    memory: Memory | None = None,
) -> Iterator[LayerRun]:
    """Run samples through all layers, yielding each as it is done.

    Args:
        stages: a compiled model.
        frames: ``(F, N, *input_shape)`` integer-valued; nothing is sent from step F on.
        steps: T, the window.
        keys: whose draws stochastic gates take; None for the samples' positions from 0 on.
        memory: of these samples, for a gradient rule that has statistics.

    Raises:
        BackendError: sums that leave the 32 bits in which Lava holds a convolution.
    """
    keys = keys or Keys(np.arange(frames.shape[1]))
    inputs = frames
    sent: dict[int, torch.Tensor] = {}
    for position, stage in enumerate(stages):
        beside = tuple(sent[path.source] for path in stage.joining)
        recall = None if memory is None else partial(memory, position)
        run = run_stage(stage, inputs, steps, beside, recall)
        if stage.gate is not None:
            run = replace(run, trajectory=_behind_gate(run.trajectory, stage.gate, stage.shape, keys))
        yield run
        inputs = run.trajectory.spikes
        needed = {path.source for later in stages[position + 1 :] for path in later.joining}
        sent = {source: kept for source, kept in {**sent, position: inputs}.items() if source in needed}


def run_stage(
    stage: Stage,
    inputs: torch.Tensor,
    steps: int,
    beside: tuple[torch.Tensor, ...] = (),
    recall: Recall | None = None,
) -> LayerRun:
    """One layer's window without its gate; arguments and errors as :func:`propagate`.

    Args:
        beside: ``(T, N, *shape)`` what each of its shortcuts brings.
        recall: its part of the memory.
    """
    inputs = _shaped(stage, inputs)
    beside = tuple(_shaped(path.stage, one) for one, path in zip(beside, stage.joining, strict=True))
    if isinstance(stage.layer, Input):
        trajectory = _driven_by_bias(stage, inputs, steps, recall)
    elif stage.recurrent is not None:
        trajectory = _recurrent(stage, inputs, steps)
    elif _is_plain_convolution(stage):
        trajectory = _convolved(stage, inputs, steps)
    else:
        sums = all_sums(stage, inputs, beside, steps)
        if stage.sum_shift is None:
            trajectory = _integrated(stage, sums, steps, bias_of(stage, inputs), recall)
        else:
            trajectory = send_sums(sums, steps, stage.sum_shift)
    return LayerRun(stage, inputs, trajectory, beside)


def _shaped(stage: Stage, inputs: torch.Tensor) -> torch.Tensor:
    """As a layer looks at what arrives; only a dense one without delays takes images as they lie."""
    if inputs.dim() == 5 and isinstance(stage.layer, Dense) and stage.delays is None:
        return inputs
    return inputs.reshape(*inputs.shape[:2], *stage.input_shape)


def _is_plain_convolution(stage: Stage) -> bool:
    """Whether spikes or pixels drive spiking neurons through one convolution, back through a surrogate."""
    plain = stage.rule is None and stage.sum_shift is None and not stage.joining and not stage.graded
    return plain and isinstance(stage.layer, Conv)


def _convolved(stage: Stage, inputs: torch.Tensor, steps: int) -> Trajectory:
    """In one step, which where its inputs are float32 on a CPU needs no memory for sums."""
    layer, synapse = stage.layer, stage.synapse
    assert isinstance(layer, Conv) and synapse is not None
    moves = Convolution(layer.stride, layer.padding, layer.dilation, layer.groups)
    weight = synapse.weight.to(inputs)
    with _naming(stage):
        return integrate_conv(inputs, weight, moves, steps, stage.neuron, bias_of(stage, inputs))


def _integrated(
    stage: Stage, sums: torch.Tensor, steps: int, bias: torch.Tensor | None, recall: Recall | None
) -> Trajectory:
    if stage.rule is None:
        return integrate(sums, steps, stage.neuron, bias)
    return integrate_by(stage.rule, sums, steps, stage.neuron, bias, recall)


def _behind_gate(trajectory: Trajectory, gate: Gate, shape: Shape, keys: Keys) -> Trajectory:
    spikes = trajectory.spikes
    draws = gate_draws(gate.seed, gate.stream, keys, len(spikes), gate.opening.size)
    passes = torch.from_numpy(opened(draws, gate.opening)).to(spikes.device)
    return replace(trajectory, spikes=spikes * passes.transpose(0, 1).unflatten(2, shape))


def all_sums(
    stage: Stage, inputs: torch.Tensor, beside: tuple[torch.Tensor, ...], steps: int
) -> torch.Tensor:
    """``(F, N, *shape)`` sums of everything that arrived, shortcuts included."""
    sums = arriving_sums(stage, inputs, steps)
    if not beside:
        return sums
    paths = zip(stage.joining, beside, strict=True)
    return added([sums, *(arriving_sums(path.stage, one, steps) for path, one in paths)])


def arriving_sums(stage: Stage, inputs: torch.Tensor, steps: int) -> torch.Tensor:
    """``(F, N, *shape)`` sums of what arrived from the population before; all T steps with delays."""
    if stage.delays is not None:
        return _delayed(stage, inputs, steps)
    assert stage.synapse is not None
    return product(stage, stage.synapse, inputs)


def product(stage: Stage, synapse: Synapse, inputs: torch.Tensor) -> torch.Tensor:
    """``(F, N, *shape)`` sums, as Lava holds them, of integers shaped as :class:`LayerRun` has inputs.

    Raises:
        BackendError: sums that leave the 32 bits in which Lava holds a convolution.
    """
    layer, weight = stage.layer, synapse.weight
    kind = torch.float64 if stage.graded else None
    if not isinstance(layer, Conv):
        return _shifted(dense_sums(inputs, weight, kind), synapse.shift)
    folded, moves = inputs.flatten(0, 1), (layer.stride, layer.padding, layer.dilation, layer.groups)
    with _naming(stage):
        return conv_sums(folded, weight, *moves, kind).unflatten(0, inputs.shape[:2])


@contextmanager
def _naming(stage: Stage) -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise BackendError(f"{stage.name}: {error}") from None


def _delayed(stage: Stage, inputs: torch.Tensor, steps: int) -> torch.Tensor:
    total = inputs.new_zeros((steps, inputs.shape[1], *stage.shape), dtype=torch.float64)
    for late, share in delayed_shares(stage, steps):
        arriving = inputs[: steps - late]
        total[late : late + len(arriving)] += delayed_product(share, arriving)
    return total


def delayed_product(synapse: Synapse, inputs: torch.Tensor) -> torch.Tensor:
    """``(F, N, out)`` sums of inputs ``(F, N, in)`` as Lava's ``DelayDense``.

    It holds each product in 32 bits and their sum in 64 until it is shifted, then in 32 again
    (``lava/proc/dense/models.py``). ``DelaySparse``, which lava-dl takes on request, already holds the
    sum in 32; the two differ where that matters.
    """
    largest, peak = float(synapse.weight.abs().max()), float(inputs.detach().abs().amax())
    arriving = inputs.double()
    if largest * peak < _INT32_HALF_RANGE:
        sums = F.linear(arriving, synapse.weight)
    else:
        products = arriving.unsqueeze(-2) * synapse.weight
        sums = wrap(products, largest * peak, _INT32_HALF_RANGE).sum(-1)
    bound = largest * peak * synapse.weight.shape[1]
    return wrap(_shifted(sums, synapse.shift), bound, _INT32_HALF_RANGE)


def _shifted(sums: torch.Tensor, shift: int) -> torch.Tensor:
    """``sums >> shift``, whose gradient is that of a division."""
    if shift == 0:
        return sums
    real = sums / (1 << shift)
    return real + (real.floor() - real).detach()


def delayed_shares(stage: Stage, steps: int) -> Iterator[tuple[int, Synapse]]:
    """The synapses of each delay, in steps, that arrives within a window; all at once without delays."""
    assert stage.synapse is not None
    if stage.delays is None:
        yield 0, stage.synapse
        return
    for delay in np.unique(stage.delays[stage.delays < steps]):
        late = torch.from_numpy(stage.delays == delay).to(stage.synapse.weight.device)
        share = stage.synapse.weight * late
        yield int(delay), Synapse(share, stage.synapse.shift)


def _recurrent(stage: Stage, inputs: torch.Tensor, steps: int) -> Trajectory:
    """Step by step: a spike of step t reaches the population again at step t + 1."""
    assert stage.recurrent is not None
    sums = arriving_sums(stage, inputs, steps)
    bias = bias_of(stage, inputs)
    zero = sums.new_zeros(sums.shape[1:])
    state, feedback, parts = State(zero, zero), zero, []
    for step in range(steps):
        drive = sums[step] + feedback if step < len(sums) else feedback
        part = integrate(drive.unsqueeze(0), 1, stage.neuron, bias, state)
        parts.append(part)
        state, feedback = part.end, product(stage, stage.recurrent, part.spikes)[0]
    return Trajectory(
        torch.cat([part.spikes for part in parts]),
        state,
        torch.cat([part.wraps for part in parts]),
        torch.cat([part.clips for part in parts]),
        max(part.peak_current for part in parts),
        max(part.peak_potential for part in parts),
        _joined([part.active for part in parts]),
    )


def _joined(counts: list[torch.Tensor | None]) -> torch.Tensor | None:
    """Counts of each step as those of a window; None where the steps have none."""
    there = [count for count in counts if count is not None]
    return torch.cat(there) if len(there) == len(counts) else None


def _driven_by_bias(stage: Stage, inputs: torch.Tensor, steps: int, recall: Recall | None) -> Trajectory:
    """An input layer: the frame is its neurons' int16 bias mantissa for the whole window."""
    if len(inputs) != 1:
        raise BackendError(
            f"{stage.name}: this input layer holds one image per window, not {len(inputs)} frames. "
            "Use the encoding 'direct'."
        )
    silent = inputs.new_zeros(inputs.shape)
    return _integrated(stage, silent, steps, bias_of(stage, inputs), recall)


def bias_of(stage: Stage, inputs: torch.Tensor) -> torch.Tensor | None:
    """State units, broadcasting against ``(N, *shape)``: of an input layer, its frame's mantissas."""
    if not isinstance(stage.layer, Input):
        return None if stage.bias is None else stage.bias.to(inputs)
    return wrap(inputs[0], float("inf"), _INT16_HALF_RANGE) * (1 << STATE_SHIFT)
