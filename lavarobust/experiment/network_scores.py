"""What a network says of images, before any deployment: SLAYER's quantised forward, or the float one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from lavarobust.data import Images
from lavarobust.snn.network import Activity, SpikingNetwork

_BATCH = 256


def network_scores(network: SpikingNetwork, images: Images, quantised: bool = True) -> np.ndarray:
    """Potentials or spike counts ``(N, classes)`` of a network in eval mode, in the device's units."""

    def respond(part: slice) -> Activity:
        pixels = torch.from_numpy(images.images[part])
        return network.activity(pixels, images.indices[part], quantised=quantised)

    return _scores(network, images.samples, respond)


def frame_scores(
    network: SpikingNetwork, frames: np.ndarray, indices: np.ndarray, quantised: bool = True
) -> np.ndarray:
    """The same of encoded frames ``(N, C, H, W, F)`` of the samples ``indices`` ``(N,)``."""

    def respond(part: slice) -> Activity:
        sent = torch.from_numpy(np.moveaxis(frames[part], -1, 0).astype(np.float32))
        return network.response(sent, indices[part], quantised=quantised)

    return _scores(network, len(frames), respond)


@torch.no_grad()
def _scores(network: SpikingNetwork, samples: int, respond: Callable[[slice], Activity]) -> np.ndarray:
    network.eval()
    parts = []
    for start in range(0, samples, _BATCH):
        last = respond(slice(start, start + _BATCH)).trajectories[-1]
        scores = last.end.potential if network.readout == "membrane" else last.spikes.sum(0)
        parts.append(scores.flatten(1).double().numpy())
    return np.concatenate(parts)
