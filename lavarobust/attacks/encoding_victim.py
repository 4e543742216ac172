"""A deployed integer model as an attacker of its encoding sees it: frames in, logits out."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.attacks.flips import lowest_entry
from lavarobust.attacks.integer_victim import IntegerVictim
from lavarobust.attacks.victim import DEFAULT_CHUNK
from lavarobust.draws import Keys
from lavarobust.dynamics import GradientRule, Surrogate
from lavarobust.encoding import encode
from lavarobust.errors import DataError
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model
from lavarobust.record import Stimulus


class EncodingVictim(IntegerVictim):
    """The executed integers from the first layer on: its "images" are frames ``(N, T, C, H, W)``.

    Entries are -1, 0 and 1 of ``signed_rate``, 0 and 1 of ``rate`` and of events; ``draw`` is of what is
    drawn behind the encoder. Arguments and errors as :class:`IntegerVictim` has them; its calls raise
    SettingsError for an encoding that sends no spikes.
    """

    def __init__(
        self,
        model: Model,
        deployment: Deployment | None = None,
        rule: GradientRule = Surrogate(),  # noqa: B008
        chunk: int = DEFAULT_CHUNK,
        threads: int = 1,
    ) -> None:
        super().__init__(model, deployment, rule, chunk, threads)
        self.stochastic = model.gated

    def encoded(self, images: np.ndarray, indices: np.ndarray, draw: int = 0) -> np.ndarray:
        """``(N, T, C, H, W)`` float32 frames that are sent of images; arguments and errors as ``encode``."""
        frames = encode(self.deployment.encoding, images, self.deployment.steps, indices, draw).frames
        return np.moveaxis(frames, -1, 1).astype(np.float32)

    def _stimulus(self, images: np.ndarray, indices: np.ndarray, draw: int) -> Stimulus:
        frames = np.ascontiguousarray(np.moveaxis(images, 1, -1), dtype=np.int32)
        graded = not self.deployment.encoding.binary
        return Stimulus(frames, self.deployment.steps, graded, Keys(np.asarray(indices), draw))

    def _check_shape(self, images: np.ndarray | torch.Tensor) -> None:
        shape = (self.deployment.steps, *self._stages[0].input_shape)
        if images.shape[1] != shape[0] or int(np.prod(images.shape[1:])) != int(np.prod(shape)):
            raise DataError(
                f"{self.name}: frames of shape {tuple(images.shape[1:])} do not fit its input {shape}. "
                "Give one frame per step."
            )

    def _frames(self, images: torch.Tensor, keys: Keys) -> torch.Tensor:
        self._check_shape(images)
        low, high = (torch.full_like(images[:1], end) for end in (lowest_entry(self.deployment.encoding), 1))
        return torch.cat([images, low, high]).movedim(1, 0)
