"""What a rule with statistics remembers of every sample, from one iteration of an attack to the next."""

from __future__ import annotations

import numpy as np
import torch

from lavarobust.dynamics import AdaptiveSharpness
from lavarobust.dynamics.sharpness import Statistics


class SharpnessMemory:
    """Statistics by sample index and layer: 8 bytes for each neuron and step of a sample.

    Args:
        rule: what updates them.
    """

    def __init__(self, rule: AdaptiveSharpness) -> None:
        self._rule = rule
        self._known: dict[tuple[int, int], Statistics] = {}

    def forget(self) -> None:
        """Start anew with all samples."""
        self._known.clear()

    def of(self, indices: np.ndarray, rows: np.ndarray, held: bool) -> ChunkMemory:
        """That of one chunk, for one forward pass.

        Args:
            indices, rows: ``(N,)`` samples and their rows in the chunk; other rows are never remembered.
            held: whether what is seen now is left uncounted.
        """
        return ChunkMemory(self._rule, self._known, indices, rows, held)


class ChunkMemory:
    """:data:`lavarobust.execution.simulator.propagate.Memory` of a chunk; see :meth:`SharpnessMemory.of`."""

    def __init__(
        self,
        rule: AdaptiveSharpness,
        known: dict[tuple[int, int], Statistics],
        indices: np.ndarray,
        rows: np.ndarray,
        held: bool,
    ) -> None:
        self._rule, self._known, self._held = rule, known, held
        self._places = list(zip(indices.tolist(), rows.tolist(), strict=True))

    def __call__(self, layer: int, distance: torch.Tensor) -> Statistics:
        """Statistics ``(T, chunk, *shape)`` of a layer at distances from the threshold of that shape."""
        now = Statistics.first(distance)
        for index, row in self._places:
            before = self._known.get((index, layer))
            if before is not None:
                now.mean[:, row], now.deviation[:, row] = before.mean, before.deviation
        if self._held:
            return now
        now = self._rule.updated(now, distance)
        for index, row in self._places:
            kept = Statistics(now.mean[:, row].clone(), now.deviation[:, row].clone())
            self._known[index, layer] = kept
        return now
