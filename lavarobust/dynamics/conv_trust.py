"""Whether the compiled convolution is right here: before its first use it is held against exact products."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.dynamics import fused, stepwise
from lavarobust.dynamics.conv_passes import flat, go_back, run
from lavarobust.dynamics.geometry import Convolution
from lavarobust.dynamics.population import LIF, State, make_window
from lavarobust.dynamics.surrogate import Surrogate
from lavarobust.dynamics.unshared import peak
from lavarobust.netx.limits import CONV_SUM_BITS, DECAY_UNITY


@lru_cache(maxsize=1)
def trusted() -> bool:
    """Whether the compiled loops give the reference's numbers on this machine, on operands at every edge."""
    generator = torch.Generator().manual_seed(0)
    for convolution, channels in ((_CHECKED[0], 1), (_CHECKED[1], 8)):
        for extreme in (-254.0, 254.0, None):
            weight = torch.randint(-127, 128, (12 // channels, channels, 3, 3), generator=generator) * 2.0
            frames = (torch.rand(3, 2, channels, 7, 9, generator=generator) < 0.5).float()
            if extreme is not None:
                weight, frames = torch.full_like(weight, extreme), torch.ones_like(frames)
                # the largest input for which no sum is cut: sums then fill all of float32's integers
                frames[0] = (1 << (CONV_SUM_BITS - 1)) // int(reach(weight)) - 1
            surrogate = Surrogate(through_reset=True, scale=0.5)
            neurons = LIF(1000, 300, 5_000), LIF(DECAY_UNITY, 300, 5_000, surrogate, "soft")
            if not all(_agrees(frames, weight, convolution, neuron) for neuron in neurons):
                return False
    return True


_CHECKED = (Convolution((1, 1), (1, 1), (1, 1), 1), Convolution((2, 2), (1, 1), (1, 1), 1))


def _agrees(frames: torch.Tensor, weight: torch.Tensor, convolution: Convolution, neuron: LIF) -> bool:
    """Whether loops and reference make the same spikes and states, and gradients alike up to rounding."""
    geometry = convolution.geometry(frames.shape[2:], weight.shape)
    steps, none = len(frames) + 1, torch.zeros(())
    made = run(flat(frames), weight.numpy(), none, geometry, steps, neuron, True, True, peak(frames))
    shape = (*geometry.outputs[1:], geometry.outputs[0])
    exact, kernel = frames.double().requires_grad_(), weight.double().requires_grad_()
    with torch.enable_grad():
        sums = F.conv2d(exact.flatten(0, 1), kernel, None, convolution.stride, convolution.padding).unflatten(
            0, frames.shape[:2]
        )
    zero = torch.zeros(sums.shape[1:], dtype=torch.float64)
    reference, counting = (
        stepwise.run(make_window(sums.detach(), none, State(zero, zero), steps, neuron, keep))
        for keep in (True, False)
    )
    assert reference.before_reset is not None and counting.active is not None
    kept = made.before_reset[..., : made.spikes.shape[2]].reshape(steps, len(zero), *shape)
    pairs = (
        (torch.from_numpy(made.spikes).unflatten(2, shape).movedim(-1, 2), reference.spikes),
        (torch.from_numpy(kept).movedim(-1, 2), reference.before_reset),
        (torch.from_numpy(made.wraps), reference.wraps),
        (torch.from_numpy(made.clips), reference.clips),
        (torch.from_numpy(made.active), counting.active),
    )
    if not all(torch.equal(ours, theirs) for ours, theirs in pairs):
        return False
    d_spikes = torch.linspace(-1, 1, reference.spikes.numel()).view(steps, len(zero), *shape)
    ours = go_back(
        flat(frames),
        made.before_reset,
        weight.numpy(),
        geometry,
        neuron,
        (d_spikes, None, None),
        (True, True, True),
        True,
    )
    silent = zero.float()
    expected = stepwise.go_back(
        reference.before_reset, len(frames), neuron, d_spikes.movedim(-1, 2), silent, silent, silent
    )
    assert expected.threshold is not None and expected.keep is not None
    scalars = torch.stack((expected.threshold, expected.keep))
    if not _alike(torch.stack(fused.scalars(ours[3])).numpy(), scalars):
        return False
    d_frames, d_weight = torch.autograd.grad(sums, (exact, kernel), expected.sums.double())
    return _alike(ours[1], d_weight.reshape(-1)) and _alike(ours[0], d_frames.movedim(2, -1).flatten(2))


def _alike(ours: np.ndarray | None, reference: torch.Tensor) -> bool:
    assert ours is not None
    return bool((torch.from_numpy(ours) - reference).abs().max() <= 1e-4 * reference.abs().max())


def reach(weight: torch.Tensor) -> float:
    """What no sum of inputs of at most one exceeds in magnitude, nor any part of one."""
    return float(weight.detach().abs().flatten(1).sum(1).amax())
