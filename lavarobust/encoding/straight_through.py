"""The same integers in torch, with a gradient that passes the rounding by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from lavarobust.encoding.integer import check_request, drawn_spikes, outside_range, per_channel
from lavarobust.errors import DataError
from lavarobust.netx.deployment import Encoding


def encode_straight_through(
    encoding: Encoding,
    images: torch.Tensor,
    steps: int,
    indices: np.ndarray | torch.Tensor,
    draw: int = 0,
) -> torch.Tensor:
    """The integers of :func:`lavarobust.encoding.encode`, time first and differentiable.

    Args:
        encoding, steps, indices, draw: as ``encode`` has them.
        images: ``(N, C, H, W)`` float, pixels in [0, 1]; ``(N, C, H, W, T)`` for ``frames``.

    Returns:
        ``(F, N, C, H, W)`` float32 on the images' device: F = 1 for ``direct``, else T. Backward
        takes rounding and drawing for the identity: d integer / d pixel is ``levels / std``, and
        1 for a drawn spike, whose expectation has that slope. So a pixel's gradient is the sum over
        the frames of theirs; the code of Mukhoty et al. (2025) takes their mean, which is this over T.
        A pixel of ``frames`` hears from its own step alone.

    Raises:
        DataError, SettingsError: as ``encode``.
    """
    if images.numel():
        low, high = (float(end) for end in torch.aminmax(images.detach()))
        if not (low >= 0 and high <= 1):
            raise DataError(outside_range(low, high))
    return _encoded(encoding, images, steps, indices, draw)


def encode_shifted(
    encoding: Encoding,
    images: torch.Tensor,
    shift: torch.Tensor,
    steps: int,
    indices: np.ndarray | torch.Tensor,
    draw: int = 0,
) -> torch.Tensor:
    """Frames of images that are shifted by less than the encoder's levels, for a finite difference.

    Nothing that is deployed is sent such frames. A drawn encoder sees the shifted pixels, which may lie
    outside [0, 1], in the draws of the unshifted ones. The others' frames are shifted by ``levels / std``
    of it behind the rounding, which would swallow a shift of less than half a level: they hold fractions.

    Args:
        encoding, images, steps, indices, draw: as :func:`encode_straight_through` has them.
        shift: of the images' shape, in pixel units.

    Raises:
        DataError, SettingsError: as ``encode``, of the unshifted images.
    """
    if encoding.drawn:
        return _encoded(encoding, images + shift, steps, indices, draw)
    frames = encode_straight_through(encoding, images, steps, indices, draw)
    linear = shift.movedim(-1, 0) if encoding.kind == "frames" else shift
    return frames + linear.float() * _slope(encoding, images.device)


def _encoded(
    encoding: Encoding, images: torch.Tensor, steps: int, indices: np.ndarray | torch.Tensor, draw: int
) -> torch.Tensor:
    if isinstance(indices, torch.Tensor):
        indices = indices.cpu().numpy()
    check_request(encoding, images.shape, steps, indices)
    if encoding.kind == "frames":
        images = images.movedim(-1, 0)
    with torch.no_grad():
        pixels = images.detach().double()
        if encoding.drawn:
            spikes = drawn_spikes(encoding, pixels.cpu().numpy(), steps, indices, draw)
            integers = torch.from_numpy(spikes).to(images.device).float()
        elif encoding.kind == "frames":
            integers = _quantised(encoding, pixels).float().contiguous()
        else:
            frames = 1 if encoding.kind == "direct" else steps
            integers = _quantised(encoding, pixels).float().repeat(frames, 1, 1, 1, 1)
    # This difference is exactly zero in value and the straight-through slope in gradient.
    linear = images.float() if encoding.drawn else images.float() * _slope(encoding, images.device)
    return integers + (linear - linear.detach())


def _on(device: torch.device, values: Sequence[float]) -> torch.Tensor:
    return torch.from_numpy(per_channel(values)).to(device)


def _slope(encoding: Encoding, device: torch.device) -> torch.Tensor:
    return (encoding.levels / _on(device, encoding.std or (1.0,))).float()


def _quantised(encoding: Encoding, pixels: torch.Tensor) -> torch.Tensor:
    # Every factor is a tensor on the pixels' device: there, dividing by a scalar may multiply by its
    # inverse instead, which rounds differently.
    if encoding.mean:
        mean, std = (_on(pixels.device, values) for values in (encoding.mean, encoding.std))
        pixels = (pixels - mean) / std
    levels = torch.tensor([encoding.levels], dtype=torch.float64, device=pixels.device)
    return torch.round(pixels * levels)
