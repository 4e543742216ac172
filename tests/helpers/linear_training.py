"""A network whose worst image is known, and batches for it."""

from __future__ import annotations

import torch

from lavarobust.training.objective import Batch


class Linear(torch.nn.Module):
    """Logits (x0 - x1, 0): the loss of label 0 falls with the first pixel and rises with the second."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
        self.modes: list[bool] = []
        self.seen: list[torch.Tensor] = []
        self.draws: list[int] = []

    def forward(self, images, indices=None, draw=0):
        self.modes.append(self.training)
        self.draws.append(draw)
        self.seen.append(images.detach().clone())
        score = images.flatten(1) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], 1)


def batch(*pixels, epoch=0, labels=None) -> Batch:
    """Images of two pixels, labels 0 unless given."""
    images = torch.tensor(pixels).view(-1, 1, 1, 2)
    labels = torch.tensor(labels or [0] * len(pixels))
    return Batch(images, labels, torch.arange(len(pixels)).numpy(), torch.Generator().manual_seed(3), epoch)
