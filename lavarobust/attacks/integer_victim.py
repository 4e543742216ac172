"""A deployed integer model as a victim: white box with nothing but its file."""

from __future__ import annotations

from collections import deque

import numpy as np
import torch

from lavarobust.attacks.memory import SharpnessMemory
from lavarobust.attacks.victim import DEFAULT_CHUNK, ChunkedVictim
from lavarobust.draws import Keys
from lavarobust.dynamics import AdaptiveSharpness, Analog, GradientRule, Surrogate
from lavarobust.encoding import encode, input_range
from lavarobust.encoding.straight_through import encode_straight_through
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution import Backend
from lavarobust.execution.simulator import Simulator, Stage, analog_scores, compile_model, propagate
from lavarobust.execution.simulator.propagate import Memory
from lavarobust.netx.deployment import Deployment, sample_shape
from lavarobust.netx.limits import STATE_SHIFT
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus

EXTREMES = 2
"""Rows behind each chunk's own; see ``IntegerVictim._frames``."""


class IntegerVictim(ChunkedVictim):
    """The executed integers of a model: exact forward, any gradient rule backward, the encoder's rounding
    included.

    The logits are the integer scores that decide the prediction, minus less than half a unit per
    class index, so that the class that wins a tie in the record wins it here. They are divided by a
    constant of the model: the steps for spike counts; for potentials, what the largest weight adds
    when it is driven at every step. The constant only sets how far the cross-entropy looks beyond
    the strongest rival class.

    Args:
        model: the integer model.
        deployment: steps, encoding and readout; None takes the model's own.
        rule: how gradients go back through spikes, the attacker's choice. It changes no logits. With
            ``Analog`` the gradient is that of the twin in the direction of the twin's own logits.
        chunk, threads: as :class:`ChunkedVictim` has them.
        backend: executes what is asked for scores alone. Gradients, and the scores that come with them, are
            the simulator's, whose integers are the same.

    Raises:
        SettingsError: neither ``deployment`` nor the model says how to run it.
        BackendError: a model that the rule does not go back through.
    """

    def __init__(
        self,
        model: Model,
        deployment: Deployment | None = None,
        rule: GradientRule = Surrogate(),  # noqa: B008
        chunk: int = DEFAULT_CHUNK,
        threads: int = 1,
        backend: Backend | None = None,
    ) -> None:
        deployment = deployment or model.deployment
        if deployment is None:
            raise SettingsError(
                f"{model.name}: the file does not say how it is run. Give its steps, encoding and readout."
            )
        super().__init__(model.name, model.gated or deployment.encoding.drawn, chunk, threads)
        self.deployment = deployment
        self.rule = rule
        self._model, self._backend = model, backend or Simulator()
        self._stages = compile_model(model, Surrogate() if isinstance(rule, Analog) else rule)
        self.score_unit = _score_scale(self._stages, deployment)
        self._memory = SharpnessMemory(rule) if isinstance(rule, AdaptiveSharpness) else None

    def forget(self) -> None:
        """See :class:`lavarobust.attacks.Victim`."""
        if self._memory is not None:
            self._memory.forget()

    def logits(
        self, images: np.ndarray, indices: np.ndarray, draw: int = 0, places: np.ndarray | None = None
    ) -> np.ndarray:
        """See :class:`lavarobust.attacks.Victim`; there are no chunks, and ``places`` plays no part."""
        self._check_shape(images)
        # what is executed of a sample are integers, which hang on no other: nothing has to fill up a chunk
        with self._computing():
            stimulus = self._stimulus(images.astype(np.float32, copy=False), indices, draw)
            record = self._backend.run(self._model, stimulus, self.deployment.readout)
        self.queries.forward += len(images)
        return self._as_logits(self._recorded(record).astype(np.float64))

    def logits_and_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`lavarobust.attacks.Victim`.

        Raises:
            DataError: labels beyond the classes; a sample that is there twice, under a rule that follows
                each through its own iterations.
        """
        if self._memory is not None and len(np.unique(indices)) != len(indices):
            raise DataError(
                f"{self.name}: a sample is there twice in one call, and adaptive sharpness follows each "
                "through its own iterations. Ask about a sample once at a time."
            )
        return super().logits_and_gradient(images, labels, indices, loss, draw, targets)

    def _answers(
        self, images: torch.Tensor, indices: np.ndarray, rows: np.ndarray, draw: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        keys = _keys(indices, draw)
        frames = self._frames(images, keys)
        if isinstance(self.rule, Analog):
            deployment = self.deployment
            twin = analog_scores(self._stages, frames, deployment.steps, deployment.readout)
            return self._executed(frames.detach(), keys), twin[: len(images)].flatten(1)
        memory = None if self._memory is None else self._memory.of(indices[rows], rows, self._held)
        scores = self._executed(frames, keys, memory)
        return scores, scores

    def _executed(self, frames: torch.Tensor, keys: Keys, memory: Memory | None = None) -> torch.Tensor:
        runs = propagate(self._stages, frames, self.deployment.steps, keys, memory)
        last = deque(runs, maxlen=1).pop().trajectory
        scores = last.end.potential if self.deployment.readout == "membrane" else last.spikes.sum(0)
        return scores[:-EXTREMES].flatten(1)

    def _recorded(self, record: Record) -> np.ndarray:
        """``(N, classes)`` integers: the scores that :meth:`_executed` has."""
        return record.scores

    def _stimulus(self, images: np.ndarray, indices: np.ndarray, draw: int) -> Stimulus:
        """What is sent, as a backend takes it."""
        return encode(self.deployment.encoding, images, self.deployment.steps, indices, draw)

    def _check_shape(self, images: np.ndarray | torch.Tensor) -> None:
        deployment = self.deployment
        expected = sample_shape(deployment.encoding, self._stages[0].input_shape, deployment.steps)
        if int(np.prod(images.shape[1:])) != int(np.prod(expected)):
            raise DataError(
                f"{self.name}: images of shape {tuple(images.shape[1:])} do not fit its input {expected}. "
                "Give images of the model's own shape."
            )

    def _frames(self, images: torch.Tensor, keys: Keys) -> torch.Tensor:
        """``(F, chunk + 2, C, H, W)`` what is sent, differentiable; the last two hold a frame's extremes."""
        self._check_shape(images)
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
        return (scores - np.arange(classes) / (2 * classes)) / self.score_unit


def _keys(indices: np.ndarray, draw: int) -> Keys:
    return Keys(np.concatenate([indices, np.zeros(EXTREMES, dtype=indices.dtype)]), draw)


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
