"""What a network says of images, before any deployment: SLAYER's quantised forward, or the float one."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.data import Images
from lavarobust.snn.network import SpikingNetwork

_BATCH = 256


@torch.no_grad()
def network_scores(network: SpikingNetwork, images: Images, quantised: bool = True) -> np.ndarray:
    """Potentials or spike counts ``(N, classes)`` of a network in eval mode, in the device's units."""
    network.eval()
    parts = []
    for start in range(0, images.samples, _BATCH):
        part = slice(start, start + _BATCH)
        pixels = torch.from_numpy(images.images[part])
        last = network.activity(pixels, images.indices[part], quantised=quantised).trajectories[-1]
        scores = last.end.potential if network.readout == "membrane" else last.spikes.sum(0)
        parts.append(scores.flatten(1).double().numpy())
    return np.concatenate(parts)
