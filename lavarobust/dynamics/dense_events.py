"""A dense layer with few outputs, differentiable: behind few spikes, products of what is not zero alone.

The sums are :func:`lavarobust.dynamics.products.dense_sums`'s, being exact; gradients are the same up to
float32's rounding, and the same bytes for any number of threads.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.dynamics import reuse
from lavarobust.dynamics.dense_kernels import Events, learn_samples, spread_samples, sum_samples
from lavarobust.dynamics.rows import LANES
from lavarobust.dynamics.sharing import share_out
from lavarobust.dynamics.unshared import active_share, are_whole, peak

GROUPS = 8
"""Groups of samples whose gradients of the weight are summed apart; never by the number of threads."""

_FLOAT32_EXACT = 1 << 24
_SMALL = 1 << 16
"""Fewer inputs than this are multiplied before anything is looked for."""

_BUSY = 0.25
"""Share of inputs that are not zero from which on a product of all is faster."""


def few_output_sums(frames: torch.Tensor, weight: torch.Tensor) -> torch.Tensor | None:
    """Sums ``(F, N, out)`` of integers ``(F, N, K)`` and ``(out, K)``, or None where that is not the way."""
    if not _applies(frames, weight) or not are_whole(weight) or not trusted():
        return None
    narrow, reach = weight.float(), float(weight.detach().abs().sum(1).amax())
    if not weight.requires_grad:
        return _constant_sums(frames, narrow, reach)
    return None if _is_busy(frames) else _events_of(frames, narrow, reach, _EventSums)


def _applies(frames: torch.Tensor, weight: torch.Tensor) -> bool:
    if frames.device.type != "cpu" or weight.device.type != "cpu" or frames.dtype != torch.float32:
        return False
    return frames.dim() == 3 and 0 < len(weight) <= LANES


def _is_busy(frames: torch.Tensor) -> bool:
    return frames.numel() < _SMALL or active_share(frames[0]) > _BUSY


def _events_of(
    frames: torch.Tensor, weight: torch.Tensor, reach: float, function: type[torch.autograd.Function]
) -> torch.Tensor | None:
    # a window's first frame tells what inputs these are; where another exceeds it, all are looked at
    for looked_at in (frames.detach()[:1], frames.detach()):
        limit = max(peak(looked_at), 1.0)
        if not limit * reach < _FLOAT32_EXACT:
            return None
        report: dict[str, bool] = {}
        sums: torch.Tensor = function.apply(frames, weight, limit, report)
        if report["broken"]:
            return None
        if not report["large"]:
            return sums
    return None


def _constant_sums(frames: torch.Tensor, weight: torch.Tensor, reach: float) -> torch.Tensor | None:
    """Of a weight that learns nothing: which way sums are formed hangs on a whole batch, and changes nothing
    in them; gradients, which are rounded, go one way, so that a sample's are the same beside any others."""
    if not _is_busy(frames):
        return _events_of(frames, weight, reach, _ConstantSums)
    if not max(peak(frames), 1.0) * reach < _FLOAT32_EXACT:
        return None
    product: torch.Tensor = _ConstantProduct.apply(frames, weight)
    return product


class _EventSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx, frames, weight, limit, report):  # type: ignore[no-untyped-def]
        sums, ctx.events = _formed(frames, weight, limit, report)
        ctx.save_for_backward(weight)
        return sums

    @staticmethod
    def backward(ctx, given):  # type: ignore[no-untyped-def]
        (weight,) = ctx.saved_tensors
        d_weight, d_sums = None, _rows(given.numpy())
        if ctx.needs_input_grad[1]:
            d_weight = torch.from_numpy(learn(ctx.events, d_sums, weight.shape))
        return _spread(ctx, d_sums, weight), d_weight, None, None


class _ConstantSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx, frames, weight, limit, report):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(weight)
        return _formed(frames, weight, limit, report)[0]

    @staticmethod
    def backward(ctx, given):  # type: ignore[no-untyped-def]
        return _spread(ctx, _rows(given.numpy()), *ctx.saved_tensors), None, None, None


class _ConstantProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, frames, weight):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(weight)
        return F.linear(frames, weight)

    @staticmethod
    def backward(ctx, given):  # type: ignore[no-untyped-def]
        return _spread(ctx, _rows(given.numpy()), *ctx.saved_tensors), None


def _formed(
    frames: torch.Tensor, weight: torch.Tensor, limit: float, report: dict[str, bool]
) -> tuple[torch.Tensor, Events]:
    sums, events = forward(frames.contiguous().numpy(), weight.numpy(), limit)
    report["broken"], report["large"] = (bool(kind.any()) for kind in events.beyond.T)
    return torch.from_numpy(sums), events


def _spread(ctx: Any, d_sums: np.ndarray, weight: torch.Tensor) -> torch.Tensor | None:
    if not ctx.needs_input_grad[0]:
        return None
    return torch.from_numpy(spread(d_sums, weight.detach().numpy()))


def forward(frames: np.ndarray, weight: np.ndarray, limit: float) -> tuple[np.ndarray, Events]:
    """Sums ``(F, N, out)`` of ``(F, N, K)`` and ``(out, K)``, and the events that they are made of."""
    count, samples, inputs = frames.shape
    events = Events(
        places=reuse.empty((samples, count * inputs), np.int32),
        values=reuse.empty((samples, count * inputs), np.float32),
        ends=reuse.empty((samples, count), np.int64),
        beyond=reuse.zeros((samples, 2), np.int64),
    )
    rows = reuse.zeros((inputs, LANES), np.float32)
    rows[:, : len(weight)] = weight.T
    sums = reuse.empty((count, samples, LANES), np.float32)

    def part(first: int, last: int) -> None:
        sum_samples(frames, np.float32(limit), rows.reshape(-1), events, sums, first, last)

    share_out(part, samples, GROUPS)
    return np.ascontiguousarray(sums[..., : len(weight)]), events


def learn(events: Events, d_sums: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Gradient ``(out, K)`` of the weight, of ``d_sums`` ``(F, N, 16)``."""
    outputs, inputs = shape
    samples = d_sums.shape[1]
    groups = min(GROUPS, samples)
    edges = np.linspace(0, samples, groups + 1).astype(int).tolist()
    d_weights = reuse.zeros((groups, inputs * LANES), np.float32)

    def part(first: int, last: int) -> None:
        for group in range(first, last):
            learn_samples(events, d_sums, d_weights[group], edges[group], edges[group + 1])

    share_out(part, groups, groups)
    return np.ascontiguousarray(d_weights.sum(axis=0).reshape(inputs, LANES)[:, :outputs].T)


def spread(d_sums: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Gradients ``(F, N, K)`` of the inputs, of ``d_sums`` ``(F, N, 16)`` and the weight ``(out, K)``."""
    count, samples, _ = d_sums.shape
    d_frames = reuse.empty((count, samples, weight.shape[1]), np.float32)
    weight = np.ascontiguousarray(weight)

    def part(first: int, last: int) -> None:
        spread_samples(d_sums, weight, d_frames, first, last)

    share_out(part, samples, GROUPS)
    return d_frames


@lru_cache(maxsize=1)
def trusted() -> bool:
    """Whether the compiled loops give exact sums here, and gradients up to rounding, on extreme operands."""
    generator = np.random.default_rng(0)
    for inputs, outputs in ((40, 3), (37, LANES)):
        for extreme in (-254.0, 254.0, None):
            weight = 2.0 * generator.integers(-127, 128, (outputs, inputs))
            frames = 1.0 * (generator.random((2, 3, inputs)) < 0.3)
            if extreme is not None:
                # sums that fill all of float32's integers
                weight[:], frames[:] = extreme, (_FLOAT32_EXACT - 1) // int(254 * inputs)
            if not _agree(frames, weight, generator.standard_normal((2, 3, outputs))):
                return False
    return True


def _agree(frames: np.ndarray, weight: np.ndarray, d_sums: np.ndarray) -> bool:
    narrow = weight.astype(np.float32)
    sums, events = forward(frames.astype(np.float32), narrow, float(abs(frames).max()))
    if events.beyond.any() or not np.array_equal(sums, frames @ weight.T):
        return False
    rows = _rows(d_sums)
    exact = np.einsum("fno,fnk->ok", d_sums, frames), d_sums @ weight
    ours = learn(events, rows, weight.shape), spread(rows, narrow)
    return all(
        abs(mine - reference).max() <= 1e-4 * abs(reference).max()
        for mine, reference in zip(ours, exact, strict=True)
    )


def _rows(values: Any) -> np.ndarray:
    """``(F, N, 16)`` float32 of ``(F, N, out)``."""
    rows = reuse.zeros((*values.shape[:2], LANES), np.float32)
    rows[..., : values.shape[2]] = values
    return rows
