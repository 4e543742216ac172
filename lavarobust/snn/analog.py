"""The analog network of a spiking one: the same weights, rectified units, no time.

What conversion starts from: HIRE-SNN and robust conversion train it first, then turn its activations
into thresholds (Kundu et al. 2021; Ozdenizci & Legenstein 2024, whose code calls it T = 0).
"""

from __future__ import annotations

from itertools import count

import numpy as np
import torch

from lavarobust.draws import Keys
from lavarobust.encoding.straight_through import encode_straight_through
from lavarobust.errors import SettingsError
from lavarobust.snn.block import Block
from lavarobust.snn.network import Activity, SpikingNetwork


class AnalogNetwork(torch.nn.Module):
    """Trains like the spiking network whose parameters it shares; its logits are the readout's drive.

    Args:
        network: of blocks in a row; images must reach it as they are, not as drawn spikes.

    Raises:
        SettingsError: an encoding that sends spikes.
    """

    def __init__(self, network: SpikingNetwork) -> None:
        super().__init__()
        if network.encoding.kind not in ("direct", "repeat"):
            raise SettingsError(
                f"an analog network is trained on pixels, and the encoding {network.encoding.kind!r} sends "
                "something else. Use the encoding direct or repeat"
            )
        self.network = network
        self.blocks = torch.nn.ModuleList()  # none of which spikes

    @property
    def steps(self) -> int:
        """There is no time: one."""
        return 1

    def forward(self, images: torch.Tensor, indices: np.ndarray | None = None, draw: int = 0) -> torch.Tensor:
        """Logits ``(N, classes)`` of images ``(N, C, H, W)`` in [0, 1], rounded as the encoder does.

        Args:
            indices, draw: key of dropout's draws.
        """
        if indices is None:
            indices = np.arange(len(images))
        values = encode_straight_through(self.network.encoding, images, 1, indices, draw)[0]
        keys, positions = Keys(np.asarray(indices), draw), count()

        def visit(block: Block, arriving: torch.Tensor, beside: torch.Tensor | None) -> torch.Tensor:
            made, position = block.rectify(arriving, beside), next(positions)
            kept = self.network.kept_by_dropout(position, made.shape[1:], keys)
            return made if kept is None else made * kept.to(made) / (1 - self.network.dropouts[position])

        return self.network.walk(values, visit)

    def activity(self, images: torch.Tensor, indices: np.ndarray | None = None) -> Activity:
        """The logits; there are no spikes."""
        return Activity(self.forward(images, indices), ())

    def constrain(self) -> None:
        """Nothing: there are no thresholds and no leaks."""

    def freeze(self) -> None:
        """Nothing: there are no integers yet, and conversion estimates the statistics anew."""
