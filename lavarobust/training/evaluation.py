"""Accuracy and spike rates of a network that is being trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F

from lavarobust.record import decide
from lavarobust.snn.network import SpikingNetwork

EVALUATION_BATCH = 256


class Examples(Protocol):
    """Images ``(N, C, H, W)`` float32 in [0, 1], labels and data-set indices ``(N,)`` int64."""

    @property
    def images(self) -> np.ndarray: ...
    @property
    def labels(self) -> np.ndarray: ...
    @property
    def indices(self) -> np.ndarray: ...


@dataclass(frozen=True)
class Evaluation:
    """What a network does on a set of images.

    Attributes:
        accuracy: share of right predictions, ties to the lowest class index.
        loss: mean cross-entropy.
        spike_rates: per block, spikes per neuron and step.
    """

    accuracy: float
    loss: float
    spike_rates: tuple[float, ...]


@torch.no_grad()
def evaluate(network: SpikingNetwork, examples: Examples) -> Evaluation:
    """Run the network as it would be deployed: eval mode, quantised; at least one example."""
    network.eval()
    device = device_of(network)
    right, loss = 0, 0.0
    spikes = np.zeros(len(network.blocks))
    neuron_steps = np.zeros(len(network.blocks))
    for start in range(0, len(examples.labels), EVALUATION_BATCH):
        part = slice(start, start + EVALUATION_BATCH)
        images, labels = torch.from_numpy(examples.images[part]).to(device), examples.labels[part]
        activity = network.activity(images, examples.indices[part])
        logits = activity.logits.cpu()
        right += int((decide(logits.numpy())[0] == labels).sum())
        loss += float(F.cross_entropy(logits, torch.from_numpy(labels), reduction="sum"))
        spikes += [float(trajectory.spikes.count_nonzero()) for trajectory in activity.trajectories]
        neuron_steps += [trajectory.spikes.numel() for trajectory in activity.trajectories]
    count = len(examples.labels)
    return Evaluation(right / count, loss / count, tuple(float(rate) for rate in spikes / neuron_steps))


def device_of(network: torch.nn.Module) -> torch.device:
    """Where a network's parameters are, and what it is given has to be."""
    return next(network.parameters()).device
