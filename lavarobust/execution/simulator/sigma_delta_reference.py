"""A sigma-delta layer step by step, in plain integers: what defines the fast path and stands in for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.dynamics.sigma_delta import States, advance, at_rest
from lavarobust.errors import BackendError
from lavarobust.execution.simulator.sigma_delta_stages import SigmaDeltaStage
from lavarobust.netx.limits import CONV_SUM_BITS
from lavarobust.netx.model import Conv

_FLOAT64_EXACT = 1 << 53
_INT32_HALF_RANGE = 1 << 31
_CONV_HALF_RANGE = 1 << (CONV_SUM_BITS - 1)


@dataclass(frozen=True, eq=False)
class SigmaDeltaRun:
    """What a population did, its lead included; E steps in all.

    Attributes:
        messages: ``(E, N, *shape)`` int32.
        wrapped: ``(E, N, *shape)`` bool, whose state left 32 bits.
        cut: ``(E, N, *shape)`` bool, whose synaptic sum or input lost bits.
        events: ``(E, N)`` int64, messages that arrived.
        operations: ``(E, N, 2)`` int64, synapses that they drove, non-zero and all; those of the population
            to itself count in the step that sent them.
        after: states at the end.
    """

    messages: np.ndarray
    wrapped: np.ndarray
    cut: np.ndarray
    events: np.ndarray
    operations: np.ndarray
    after: States


def run_sigma_delta_stage(stage: SigmaDeltaStage, arriving: np.ndarray, steps: int) -> SigmaDeltaRun:
    """Run a stage for ``steps`` steps, its lead among them, from a state of rest.

    Args:
        arriving: ``(A, N, *input_shape)`` int32 messages of the population before, its lead included, or
            frames; nothing follows. A synapse takes a step, an encoder none.

    Raises:
        BackendError: a convolution's sum that leaves the 32 bits in which Lava holds it.
    """
    arriving = arriving.reshape(*arriving.shape[:2], *stage.input_shape)
    samples = arriving.shape[1]
    shape = (steps, samples, *stage.shape)
    messages = np.zeros(shape, dtype=np.int32)
    wrapped, cut = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    events, operations = np.zeros((steps, samples), np.int64), np.zeros((steps, samples, 2), np.int64)
    states = at_rest((samples, *stage.shape))
    nothing = np.zeros((samples, *stage.input_shape), dtype=np.int32)
    for step in range(steps):
        if stage.weight is None:
            drive = arriving[step] if step < len(arriving) else nothing
        else:
            drive, cut[step] = _drive(stage, arriving, messages, step)
            if 0 < step <= len(arriving):
                active = arriving[step - 1].reshape(samples, -1) != 0
                events[step] = active.sum(axis=1)
                operations[step] += _operations(active, stage.fan_out)
        done = advance(stage.neurons, drive, states)
        messages[step], wrapped[step], states = done.messages, done.wrapped, done.after
        cut[step] |= done.cut
        if stage.recurrent_fan_out is not None:
            operations[step] += _operations(done.messages != 0, stage.recurrent_fan_out)
    return SigmaDeltaRun(messages, wrapped, cut, events, operations, states)


def _operations(active: np.ndarray, fan_out: np.ndarray | None) -> np.ndarray:
    assert fan_out is not None
    # float64 takes the fast matrix product and is exact below 2**53
    return (active.astype(np.float64) @ fan_out.astype(np.float64)).astype(np.int64)


def _drive(
    stage: SigmaDeltaStage, arriving: np.ndarray, messages: np.ndarray, step: int
) -> tuple[np.ndarray, np.ndarray]:
    """``(N, *shape)`` int32 sums that arrive in a step, and which of them lost bits."""
    loaded = stage.weight
    assert loaded is not None
    total = np.zeros(messages.shape[1:], dtype=np.int32)
    lost = np.zeros(messages.shape[1:], dtype=bool)
    shares = [(0, loaded.weight)]
    if stage.delays is not None:
        late = np.unique(stage.delays[stage.delays < step])
        shares = [(int(delay), np.where(stage.delays == delay, loaded.weight, 0)) for delay in late]
    products = [(arriving, step - 1 - delay, weight) for delay, weight in shares]
    if loaded.recurrent_weight is not None:
        products.append((messages, step - 1, loaded.recurrent_weight))
    for sent, at, weight in products:
        if 0 <= at < len(sent):
            sums, short = _sums(stage, sent[at], weight, loaded.shift)
            total += sums
            lost |= short
    return total, lost


def _sums(
    stage: SigmaDeltaStage, sent: np.ndarray, weight: np.ndarray, shift: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sums as Lava's synapses hold them, and which are not the exact ones."""
    layer = stage.layer
    if isinstance(layer, Conv):
        geometry = (layer.stride, layer.padding, layer.dilation, layer.groups)
        with torch.backends.nnpack.flags(enabled=False):
            product = F.conv2d(_exactly(sent), _exactly(weight), None, *geometry)
        exact = product.numpy().astype(np.int64)
        if _reach(sent, weight) >= _FLOAT64_EXACT or np.abs(exact).max(initial=0) >= _INT32_HALF_RANGE:
            raise BackendError(
                f"{stage.name}: messages drive a convolution's sum beyond the 32 bits that Lava holds it in. "
                "Use smaller frames or weights"
            )
        held = (exact + _CONV_HALF_RANGE) % (2 * _CONV_HALF_RANGE) - _CONV_HALF_RANGE
        return held.astype(np.int32), held != exact
    exact = _exact_sums(sent, weight)
    if stage.delays is None:
        held = exact.astype(np.int32) >> shift
    else:  # Lava's DelayDense holds products in 32 bits, and their sum in 64 until it is shifted
        products = exact
        if int(np.abs(sent.astype(np.int64)).max(initial=0)) * int(np.abs(weight).max()) >= _INT32_HALF_RANGE:
            products = (sent[:, None, :] * weight.astype(np.int32)).sum(axis=2, dtype=np.int64)
        held = (products >> shift).astype(np.int32)
    return held, held.astype(np.int64) << shift != exact


def _exact_sums(sent: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """``(N, out)`` int64."""
    if _reach(sent, weight) < _FLOAT64_EXACT:
        return F.linear(_exactly(sent), _exactly(weight)).numpy().astype(np.int64)
    sums: np.ndarray = sent.astype(np.int64) @ weight.astype(np.int64).T
    return sums


def _reach(sent: np.ndarray, weight: np.ndarray) -> int:
    """What no sum, and no part of one, exceeds in magnitude."""
    largest = int(np.abs(sent.astype(np.int64)).max(initial=0))
    return largest * int(np.abs(weight.astype(np.int64)).reshape(len(weight), -1).sum(axis=1).max())


def _exactly(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float64))
