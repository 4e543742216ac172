"""Synaptic sums of integers: exact in floating point, and cut to Lava's widths as Lava cuts them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from lavarobust.dynamics.dense_events import few_output_sums
from lavarobust.dynamics.unshared import peak
from lavarobust.errors import SettingsError
from lavarobust.netx.limits import CONV_SUM_BITS

_FLOAT32_EXACT = 1 << 24
_INT32_HALF_RANGE = 1 << 31


def conv_sums(
    images: torch.Tensor,
    weight: torch.Tensor,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    kind: torch.dtype | None = None,
) -> torch.Tensor:
    """Sums ``(B, C', H', W')`` as Lava's ``Conv``: each wrapped to 24 bits (``lava/proc/conv/models.py``).

    Args:
        images: ``(B, C, H, W)`` integer-valued.
        weight: ``(C', C / groups, kH, kW)`` integer-valued.
        kind: type to compute in; None for the narrowest that is exact for these images. Gradients are
            rounded in it, so a type that hangs on other images would change an image's own.

    Wrapping is an identity for gradients, here and in :func:`dense_sums`.

    Raises:
        SettingsError: sums could leave the 32 bits in which Lava holds them before it wraps.
    """
    bound = _largest_sum(images, weight)
    if bound >= _INT32_HALF_RANGE:
        raise SettingsError(
            f"inputs can drive a convolution's sum to {bound:.0f}, and Lava holds it in 32 bits. Use fewer "
            "input levels or smaller weights."
        )
    dtype = kind or _exact_type(bound, images.device)
    # NNPACK, which torch takes for some shapes, sums through Winograd's fractions and would round
    with torch.backends.nnpack.flags(enabled=False):
        sums = F.conv2d(images.to(dtype), weight.to(dtype), None, stride, padding, dilation, groups)
    return wrap(_whole(sums), bound, 1 << (CONV_SUM_BITS - 1))


def dense_sums(inputs: torch.Tensor, weight: torch.Tensor, kind: torch.dtype | None = None) -> torch.Tensor:
    """Sums as Lava's ``Dense``: in 32-bit integers.

    Args:
        inputs: ``(..., in)``, or populations ``(F, N, C, H, W)``, which count as flattened in that order.
        weight: ``(out, in)``.
        kind: as :func:`conv_sums` has it.

    Returns:
        ``(..., out)`` or ``(F, N, out)``.
    """
    if inputs.dim() == 5:
        # as a convolution leaves them, channels lie together; what is small is put in their order
        weight = weight.unflatten(1, inputs.shape[2:]).movedim(1, -1).flatten(1)
        inputs = inputs.movedim(2, -1).flatten(2)
    by_events = few_output_sums(inputs, weight) if kind is None else None
    if by_events is not None:
        return by_events
    bound = _largest_sum(inputs, weight)
    dtype = kind or _exact_type(bound, inputs.device)
    return wrap(_whole(F.linear(inputs.to(dtype), weight.to(dtype))), bound, _INT32_HALF_RANGE)


def _largest_sum(inputs: torch.Tensor, weight: torch.Tensor) -> float:
    """What no sum, and no part of one, exceeds in magnitude.

    Inputs count as 1 at least, so that whether anything spiked never changes a layer's type.
    """
    reach = float(weight.detach().abs().flatten(1).sum(1).amax()) if weight.numel() else 0.0
    return reach * max(peak(inputs), 1.0)


def wrap(sums: torch.Tensor, bound: float, half_range: int) -> torch.Tensor:
    """Two's complement of ``2 * half_range`` values where ``bound`` allows sums beyond it."""
    if bound < half_range:
        return sums
    wrapped = torch.remainder(sums + half_range, 2 * half_range) - half_range
    return sums + (wrapped - sums).detach()


def _exact_type(bound: float, device: torch.device) -> torch.dtype:
    """The narrowest type that holds every sum; a GPU may cut float32 factors to TF32, but not float64."""
    return torch.float32 if bound < _FLOAT32_EXACT and device.type == "cpu" else torch.float64


def _whole(sums: torch.Tensor) -> torch.Tensor:
    """Sums freed from the fractions of a GPU's transforms; on a CPU they have none."""
    return sums if sums.device.type == "cpu" else sums + (sums.round() - sums).detach()
