"""What an attack sees: logits and gradients of a batch, whatever computes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.slots import chunks
from lavarobust.errors import DataError, SettingsError

DEFAULT_CHUNK = 64


@dataclass
class Queries:
    """Executions of single samples, without the rows that only fill a chunk.

    Attributes:
        forward: executions; one that a gradient follows counts here too.
        backward: gradients.
    """

    forward: int = 0
    backward: int = 0

    def since(self, earlier: Queries) -> Queries:
        """What was added after ``earlier`` was copied."""
        return Queries(self.forward - earlier.forward, self.backward - earlier.backward)


class Victim(Protocol):
    """A classifier under attack; every call starts from a state of rest.

    A gradient may hang on the samples' earlier gradients, where the rule by which it goes back learns from
    iteration to iteration; :meth:`forget` ends that.

    Attributes:
        name: for reports.
        stochastic: True where ``draw`` changes the answer.
        decisive: True where one answer is the verdict on an image, so that a wrong one ends the search.
        queries: what has been asked so far.
    """

    @property
    def name(self) -> str: ...

    @property
    def stochastic(self) -> bool: ...

    @property
    def decisive(self) -> bool: ...

    @property
    def queries(self) -> Queries: ...

    def forget(self) -> None:
        """A climb begins: drop what the gradients of an earlier one left."""
        ...

    def logits(self, images: np.ndarray, indices: np.ndarray, draw: int = 0) -> np.ndarray:
        """``(N, classes)`` float64 of images ``(N, C, H, W)`` in [0, 1].

        Args:
            images: pixels.
            indices: ``(N,)`` each sample's index in its data set: the key of its random draws.
            draw: which repetition of those draws.
        """
        ...

    def loss_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> np.ndarray:
        """``(N, C, H, W)`` float32 gradient of the loss with respect to the pixels.

        Each sample's gradient is right up to a positive factor (:mod:`lavarobust.attacks.losses`).

        Args:
            targets: ``(N,)`` classes of a targeted loss.
        """
        ...

    def logits_and_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Both of the above for the price of one forward and one backward execution."""
        ...

    def held(self) -> AbstractContextManager[None]:
        """While it lasts, gradients use what was learnt and add nothing to it.

        For all but the first of an iteration's gradients over repeated draws (``craree: attack.py``).
        """
        ...


class ChunkedVictim:
    """A victim that computes in padded chunks of fixed size: its answers do not depend on the batch.

    Args:
        name: for reports.
        stochastic: True where ``draw`` changes the answer.
        chunk: rows per chunk.
        threads: of torch, while it computes; another number may round gradients otherwise.

    Raises:
        SettingsError: chunk or threads below 1.
    """

    def __init__(self, name: str, stochastic: bool, chunk: int = DEFAULT_CHUNK, threads: int = 1) -> None:
        if chunk < 1 or threads < 1:
            raise SettingsError(f"victim with chunk={chunk} and threads={threads}. Give at least 1 of each.")
        self.name, self.stochastic = name, stochastic
        self.chunk, self.threads = chunk, threads
        self.queries = Queries()
        self.decisive = True
        self._held = False
        self.score_unit = 1.0
        """By how much a score rises with its logit."""

    def forget(self) -> None:
        """See :class:`Victim`; there is nothing to drop."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """See :class:`Victim`."""
        before, self._held = self._held, True
        try:
            yield
        finally:
            self._held = before

    def logits(
        self, images: np.ndarray, indices: np.ndarray, draw: int = 0, places: np.ndarray | None = None
    ) -> np.ndarray:
        """See :class:`Victim`.

        Args:
            places: ``(N,)`` integers that spread the samples over chunks; None for the indices.
        """
        parts = []
        with self._computing(), torch.no_grad():
            for positions, pixels, keys, rows in self._chunks(images, indices, places):
                scores = self._scores(torch.from_numpy(pixels), keys, draw)
                parts.append((positions, self._logits_of(scores, rows)))
        self.queries.forward += len(images)
        return _scattered(parts, len(images))

    def loss_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> np.ndarray:
        """See :class:`Victim`."""
        return self.logits_and_gradient(images, labels, indices, loss, draw, targets)[1]

    def logits_and_gradient(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        indices: np.ndarray,
        loss: str = "cross_entropy",
        draw: int = 0,
        targets: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Victim`.

        Raises:
            DataError: labels beyond the classes.
        """
        all_logits, gradients, goal = [], [], Goal(labels, targets)
        with self._computing(), torch.enable_grad():
            for positions, filled, keys, rows in self._chunks(images, indices):
                pixels = torch.from_numpy(filled).requires_grad_()
                scores, guide = self._answers(pixels, keys, rows, draw)
                logits = self._logits_of(scores, rows)
                guiding = logits if guide is scores else self._logits_of(guide, rows)
                direction = np.zeros(guide.shape)
                direction[rows] = loss_and_direction(loss, guiding, goal.take(positions))[1]
                ascent = torch.from_numpy(direction).to(guide.dtype)
                (gradient,) = torch.autograd.grad(guide, pixels, ascent)
                all_logits.append((positions, logits))
                gradients.append((positions, _finite(gradient.numpy()[rows])))
        self.queries.forward += len(images)
        self.queries.backward += len(images)
        return _scattered(all_logits, len(images)), _scattered(gradients, len(images))

    def vector_jacobian(
        self,
        images: np.ndarray,
        indices: np.ndarray,
        direction: np.ndarray,
        draw: int = 0,
        places: np.ndarray | None = None,
    ) -> np.ndarray:
        """``(N, C, H, W)`` float32 gradient of the sum of ``direction * logits``, in logits' own units.

        Args:
            images, indices, draw, places: as :meth:`logits` has them; the images are executed anew.
            direction: ``(N, classes)``, what the logits are weighted with.
        """
        parts = []
        with self._computing(), torch.enable_grad():
            for positions, filled, keys, rows in self._chunks(images, indices, places):
                pixels = torch.from_numpy(filled).requires_grad_()
                _, followed = self._answers(pixels, keys, rows, draw)
                weights = np.zeros(followed.shape)
                weights[rows] = direction[positions] / self.score_unit
                ascent = torch.from_numpy(weights).to(followed.dtype)
                (gradient,) = torch.autograd.grad(followed, pixels, ascent)
                parts.append((positions, _finite(gradient.numpy()[rows])))
        self.queries.forward += len(images)
        self.queries.backward += len(images)
        return _scattered(parts, len(images))

    def _scores(self, images: torch.Tensor, indices: np.ndarray, draw: int) -> torch.Tensor:
        """``(chunk, classes)`` of a whole chunk, differentiable with respect to its images."""
        raise NotImplementedError

    def _answers(
        self, images: torch.Tensor, indices: np.ndarray, rows: np.ndarray, draw: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of a whole chunk, and those whose gradient is followed: the same, if nothing else is said.

        Args:
            rows: where in the chunk its samples are; the others only fill it.
        """
        scores = self._scores(images, indices, draw)
        return scores, scores

    def _as_logits(self, scores: np.ndarray) -> np.ndarray:
        """Logits of scores ``(N, classes)``: with ties broken, and :attr:`score_unit` scores to a logit."""
        return scores

    def _logits_of(self, scores: torch.Tensor, rows: np.ndarray) -> np.ndarray:
        logits = self._as_logits(scores.detach().double().numpy())[rows]
        if not np.isfinite(logits).all():
            raise DataError(f"{self.name}: logits are not finite. Check the weights of the model.")
        return logits

    @contextmanager
    def _computing(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)

    def _chunks(
        self, images: np.ndarray, indices: np.ndarray, places: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        for positions, rows in chunks(indices if places is None else places, self.chunk):
            filled = np.zeros((self.chunk, *images.shape[1:]), dtype=np.float32)
            keys = np.zeros(self.chunk, dtype=np.int64)
            filled[rows], keys[rows] = images[positions], indices[positions]
            yield positions, filled, keys, rows


def _finite(gradients: np.ndarray) -> np.ndarray:
    """The same, each up to a positive factor, where one left its type's range.

    Differentiated resets can do that: a potential far beyond its threshold multiplies what passes it. The
    infinite entries then keep their signs, and beside them the others count for nothing.
    """
    left = ~np.isfinite(gradients).all(axis=tuple(range(1, gradients.ndim)), keepdims=True)
    if not left.any():
        return gradients
    return np.where(left, np.where(np.isinf(gradients), np.sign(gradients), 0), gradients)


def _scattered(parts: list[tuple[np.ndarray, np.ndarray]], samples: int) -> np.ndarray:
    whole = np.empty((samples, *parts[0][1].shape[1:]), dtype=parts[0][1].dtype)
    for positions, values in parts:
        whole[positions] = values
    return whole
