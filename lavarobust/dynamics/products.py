"""Synaptic products that keep integers integers."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def exact_conv2d(
    images: torch.Tensor,
    weight: torch.Tensor,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> torch.Tensor:
    """``torch.nn.functional.conv2d`` of ``(B, C, H, W)`` that sums products directly.

    NNPACK, which torch takes for some shapes, transforms with Winograd's fractions instead and
    would round integers. Sums are exact where they stay below the type's integer range (2**24 in
    float32).
    """
    with torch.backends.nnpack.flags(enabled=False):
        return F.conv2d(images, weight, None, stride, padding, dilation, groups)
