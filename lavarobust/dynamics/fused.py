"""A window in one pass on the CPU: compiled loops over blocks of neurons whose states stay in the cache.

The arithmetic is :mod:`lavarobust.dynamics.stepwise`'s, operation for operation, so the integers are the
same; :func:`trusted` holds both against each other on operands at every edge before the first use.
Samples are shared out among as many threads as torch has; no result depends on their number.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import numpy as np
import torch

from lavarobust.dynamics import stepwise
from lavarobust.dynamics.back_kernels import GIVEN, Passing, go_back_kernel
from lavarobust.dynamics.kernels import CLEARED, HELD, LEAKING, run_kernel
from lavarobust.dynamics.population import (
    LIF,
    STATE_UNIT,
    Decay,
    Gradients,
    Outcome,
    State,
    Window,
    kept,
    make_window,
)
from lavarobust.dynamics.sharing import share_out
from lavarobust.dynamics.surrogate import SURROGATES
from lavarobust.netx.limits import DECAY_UNITY, POTENTIAL_LIMIT, STATE_HALF_RANGE
from lavarobust.netx.model import Reset

_CODES = {name: code for code, name in enumerate(SURROGATES)}
_SMALL = 1 << 16
"""Windows of fewer states than this are done before a second thread has begun."""


def run(window: Window) -> Outcome:
    """Run the window forward, exactly; its states must stay in 32 bits."""
    sums, shape = window.sums, window.sums.shape[1:]
    make = torch.empty if window.neuron.spikes else torch.zeros
    spikes = make((window.steps, *shape), dtype=torch.float32)
    before_reset = torch.empty((window.steps if window.keep else 0, *shape), dtype=torch.float32)
    current = window.start.current.clone(memory_format=torch.contiguous_format)
    potential = window.start.potential.clone(memory_format=torch.contiguous_format)
    wraps = np.zeros((window.steps, shape[0]), dtype=np.int64)
    clips, peaks = np.zeros_like(wraps), np.zeros((shape[0], 2))
    active = np.zeros((0 if window.keep else window.steps, shape[0]), dtype=np.int64)
    neuron, kind = window.neuron, _numpy(sums).dtype
    limits = (STATE_UNIT, STATE_HALF_RANGE, POTENTIAL_LIMIT, neuron.threshold * STATE_UNIT)
    _share_out(
        run_kernel,
        shape[0],
        spikes.numel(),
        _steps_first(sums),
        _samples_first(current),
        _samples_first(potential),
        _steps_first(spikes),
        _steps_first(before_reset),
        _bias(window.bias, shape),
        _kept(neuron.current_decay, shape, kind),
        _kept(neuron.voltage_decay, shape, kind),
        mode(neuron.current_decay),
        mode(neuron.voltage_decay),
        np.array(limits, dtype=kind),
        neuron.spikes,
        neuron.reset == "soft",
        window.may_wrap,
        window.may_clip,
        wraps,
        clips,
        active,
        peaks,
    )
    top_current, top_potential = peaks.max(axis=0, initial=0.0)
    return Outcome(
        spikes,
        before_reset if window.keep else None,
        State(current, potential),
        torch.from_numpy(wraps),
        torch.from_numpy(clips),
        None if window.keep else torch.from_numpy(active),
        int(top_current),
        int(top_potential),
    )


def go_back(
    before_reset: torch.Tensor,
    frames: int,
    neuron: LIF,
    d_spikes: torch.Tensor,
    d_current: torch.Tensor,
    d_potential: torch.Tensor,
    start: torch.Tensor | None = None,
    slopes: torch.Tensor | None = None,
) -> Gradients:
    """As :func:`lavarobust.dynamics.stepwise.go_back`."""
    shape = before_reset.shape[1:]
    learning = start is not None
    passed, given = passing(neuron, shape, learning), before_reset.new_empty((0, *shape))
    if slopes is not None:
        passed, given = passed._replace(code=GIVEN), slopes.expand_as(before_reset)
    first = before_reset.new_zeros(shape) if start is None else start.expand(shape).contiguous()
    d_learnt = np.zeros((shape[0], 2, shape[1:].numel() if learning else 0), dtype=np.float32)
    d_sums, d_bias = before_reset.new_empty((frames, *shape)), before_reset.new_zeros(shape)
    d_u = d_current.clone(memory_format=torch.contiguous_format)
    d_v = d_potential.clone(memory_format=torch.contiguous_format)
    _share_out(
        go_back_kernel,
        shape[0],
        before_reset.numel(),
        _steps_first(before_reset),
        _samples_first(first),
        _steps_first(given),
        _steps_first(d_spikes),
        _steps_first(d_sums),
        _samples_first(d_bias),
        _samples_first(d_u),
        _samples_first(d_v),
        d_learnt,
        passed,
    )
    return Gradients(d_sums, d_bias, d_u, d_v, *(scalars(d_learnt) if learning else ()))


def scalars(d_learnt: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of threshold mantissa and kept share, of which each neuron has its part in ``(N, 2, K)``."""
    threshold, keep = d_learnt.sum(axis=(0, 2), dtype=np.float64)
    return torch.tensor(threshold * STATE_UNIT), torch.tensor(keep)


def passing(neuron: LIF, shape: torch.Size, learning: bool = False) -> Passing:
    """How gradients pass a population of shape ``(N, *shape)``, for compiled loops."""
    kind = np.dtype(np.float32)
    return Passing(
        _CODES[neuron.surrogate.name],
        np.float32(STATE_UNIT),
        np.float32(neuron.threshold * STATE_UNIT),
        np.float32(neuron.surrogate.width),
        np.float32(neuron.surrogate.scale),
        neuron.spikes,
        neuron.surrogate.through_reset,
        neuron.reset == "soft",
        neuron.surrogate.relative,
        learning,
        _kept(neuron.current_decay, shape, kind),
        _kept(neuron.voltage_decay, shape, kind),
    )


@lru_cache(maxsize=1)
def trusted() -> bool:
    """Whether the compiled loops give the reference's numbers on this machine, on operands at every edge."""
    generator = torch.Generator().manual_seed(0)
    kinds: tuple[tuple[int, int, Reset], ...] = (
        (DECAY_UNITY, 0, "hard"), (0, 0, "soft"), (1000, 300, "hard"), (DECAY_UNITY, 300, "soft"),
    )  # fmt: skip
    for current_decay, voltage_decay, reset in kinds:
        neuron = LIF(current_decay, voltage_decay, 70_000, reset=reset)
        for magnitude in (1_000, 131_072, 1_000_000):
            sums = torch.randint(-magnitude, magnitude + 1, (3, 2, 40), generator=generator).double()
            sums[:, 0, 0], sums[:, 1, 1] = magnitude, -magnitude
            zero = torch.zeros(2, 40, dtype=torch.float64)
            for bias, keep in ((64.0, True), (0.0, False)):
                window = make_window(sums, torch.tensor(bias), State(zero, zero), 5, neuron, keep)
                if not _agree(run(window), stepwise.run(window)):
                    return False
    return True


def _agree(ours: Outcome, reference: Outcome) -> bool:
    beside = ((ours.before_reset, reference.before_reset), (ours.active, reference.active))
    kept = [(mine, theirs) for mine, theirs in beside if mine is not None and theirs is not None]
    pairs = (
        *kept,
        (ours.spikes, reference.spikes),
        (ours.end.current, reference.end.current),
        (ours.end.potential, reference.end.potential),
        (ours.wraps, reference.wraps),
        (ours.clips, reference.clips),
    )
    return len(kept) == 1 and all(torch.equal(mine, theirs) for mine, theirs in pairs)


def _share_out(kernel: Any, samples: int, size: int, *arguments: Any) -> None:
    if size < _SMALL:
        kernel(*arguments, 0, samples)
    else:
        share_out(partial(kernel, *arguments), samples)


def _numpy(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def _steps_first(tensor: torch.Tensor) -> np.ndarray:
    """``(T, N, neurons)`` of ``(T, N, *shape)``, over the same memory where it is contiguous."""
    return _numpy(tensor.contiguous().view(*tensor.shape[:2], tensor.shape[2:].numel()))


def _samples_first(tensor: torch.Tensor) -> np.ndarray:
    """``(N, neurons)`` of ``(N, *shape)``, over the same memory."""
    return _numpy(tensor.view(tensor.shape[0], tensor.shape[1:].numel()))


def _bias(bias: torch.Tensor, shape: torch.Size) -> np.ndarray:
    """``(N, neurons)`` where each sample has its own, else ``(1, neurons)``."""
    own = bias.dim() == len(shape)
    return _numpy(bias.expand(shape if own else shape[1:]).reshape(shape[0] if own else 1, -1))


def _kept(decay: Decay, shape: torch.Size, kind: np.dtype) -> np.ndarray:
    """``(neurons,)``: the share of its state that each neuron keeps in a step."""
    share = kept(decay)
    if isinstance(share, torch.Tensor):
        return _numpy(share.expand(shape[1:]).reshape(-1)).astype(kind)
    return np.full(shape[1:].numel(), share, dtype=kind)


def mode(decay: Decay) -> int:
    """What a step leaves of a state, for compiled loops."""
    if not isinstance(decay, int) or 0 < decay < DECAY_UNITY:
        return LEAKING
    return HELD if decay == 0 else CLEARED
