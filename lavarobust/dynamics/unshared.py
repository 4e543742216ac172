"""Looks at tensors that stay in the calling thread.

Torch shares such operations out among threads that go on spinning for a while, each on a core that the
next compiled loop needs; that costs more than it saves. So these are numpy's on a CPU.
"""

from __future__ import annotations

import math

import numpy as np
import torch


def peak(values: torch.Tensor) -> float:
    """Largest magnitude; NaN if there is one, 0 of nothing."""
    if values.numel() == 0:
        return 0.0
    if values.device.type == "cpu":
        array = values.detach().numpy()
        low, high = float(array.min()), float(array.max())
    else:
        low, high = (float(edge) for edge in torch.aminmax(values.detach()))
    return math.nan if math.isnan(low) else max(-low, high)


def nearest(values: torch.Tensor) -> torch.Tensor:
    """The nearest integers, of halves the even one, without a gradient: a new tensor as ``values``."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.rint(values.detach().numpy()))
    return torch.round(values.detach())


def are_whole(values: torch.Tensor) -> bool:
    """Whether all are integers; False for NaN."""
    return torch.equal(values.detach(), nearest(values))


def active_share(values: torch.Tensor) -> float:
    """How many of all are not zero, 0 to 1; of tensors on a CPU."""
    return np.count_nonzero(values.detach().numpy()) / max(values.numel(), 1)
