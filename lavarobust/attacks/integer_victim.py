"""A deployed integer model as a victim: white box with nothing but its file."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch

from lavarobust.attacks.victim import DEFAULT_CHUNK, ChunkedVictim
from lavarobust.draws import Keys
from lavarobust.dynamics import Surrogate
from lavarobust.encoding import input_range
from lavarobust.encoding.straight_through import encode_straight_through
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution.simulator import Stage, compile_model, propagate
from lavarobust.netx.deployment import Deployment, sample_shape
from lavarobust.netx.limits import STATE_SHIFT
from lavarobust.netx.model import Model


class IntegerVictim(ChunkedVictim):
    """The executed integers of a model: exact forward, surrogate backward, encoder's rounding included.

    The logits are the integer scores that decide the prediction, minus less than half a unit per
    class index, so that the class that wins a tie in the record wins it here. They are divided by a
    constant of the model: the steps for spike counts; for potentials, what the largest weight adds
    when it is driven at every step. The constant only sets how far the cross-entropy looks beyond
    the strongest rival class.

    Args:
        model: the integer model.
        deployment: steps, encoding and readout; None takes the model's own.
        surrogate: the derivative of a spike, the attacker's choice.
        chunk, threads: as :class:`ChunkedVictim` has them.

    Raises:
        SettingsError: neither ``deployment`` nor the model says how to run it.
    """

    def __init__(
        self,
        model: Model,
        deployment: Deployment | None = None,
        surrogate: Surrogate = Surrogate(),  # noqa: B008
        chunk: int = DEFAULT_CHUNK,
        threads: int = 1,
    ) -> None:
        deployment = deployment or model.deployment
        if deployment is None:
            raise SettingsError(
                f"{model.name}: the file does not say how it is run. Give its steps, encoding and readout."
            )
        super().__init__(model.name, model.gated or deployment.encoding.drawn, chunk, threads)
        self.deployment = deployment
        self._stages = compile_model(model, surrogate)
        self._scale = _score_scale(self._stages, deployment)

    def _scores(self, images: torch.Tensor, indices: np.ndarray, draw: int) -> torch.Tensor:
        keys = Keys(np.concatenate([indices, [0, 0]]), draw)
        frames = self._frames(images, keys)
        last = deque(propagate(self._stages, frames, self.deployment.steps, keys), maxlen=1).pop().trajectory
        scores = last.end.potential if self.deployment.readout == "membrane" else last.spikes.sum(0)
        return scores[: len(images)].flatten(1)

    def _frames(self, images: torch.Tensor, keys: Keys) -> torch.Tensor:
        """``(F, chunk + 2, C, H, W)`` what is sent, differentiable; the last two hold a frame's extremes."""
        deployment = self.deployment
        expected = sample_shape(deployment.encoding, self._stages[0].input_shape, deployment.steps)
        if int(np.prod(images.shape[1:])) != int(np.prod(expected)):
            raise DataError(
                f"{self.name}: images of shape {tuple(images.shape[1:])} do not fit its input {expected}. "
                "Give images of the model's own shape."
            )
        # The simulator computes in the narrowest type that is exact for what arrives. A black and a
        # white image in every chunk make that type the same whatever the other images are.
        ends = torch.stack([torch.zeros_like(images[0]), torch.ones_like(images[0])])
        return encode_straight_through(
            self.deployment.encoding,
            torch.cat([images, ends]),
            self.deployment.steps,
            keys.indices,
            keys.draw,
        )

    def _as_logits(self, scores: np.ndarray) -> np.ndarray:
        classes = scores.shape[1]
        return (scores - np.arange(classes) / (2 * classes)) / self._scale


def _score_scale(stages: tuple[Stage, ...], deployment: Deployment) -> float:
    """Integer score units per logit."""
    steps = float(deployment.steps)
    synapse = stages[-1].synapse
    if deployment.readout == "spike_count" or synapse is None:
        return steps
    largest = float(synapse.weight.abs().max()) / (1 << synapse.shift)
    if len(stages) == 1:
        largest *= max(float(np.abs(end).max()) for end in input_range(deployment.encoding))
    return steps * (1 << STATE_SHIFT) * max(largest, 1.0)
