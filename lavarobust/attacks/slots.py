"""Chunks of one fixed size in which a sample always has the same place.

A matrix product may add up a row in another order when the row lies elsewhere or the matrix has another
height. So every chunk has the same height and a sample's row depends on its index alone: what is
computed for it is the same bytes in any batch, order and company.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def chunks(indices: np.ndarray, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Spread samples over chunks of ``size`` rows; a run of consecutive indices fills them densely.

    Args:
        indices: ``(N,)`` each sample's index in its data set; its row is ``index % size``.

    Yields:
        ``(positions, rows)`` per chunk: which samples of the batch it holds, and in which rows.
    """
    rows = np.asarray(indices) % size
    order = np.argsort(rows, kind="stable")
    first = np.searchsorted(rows[order], rows[order])
    depth = np.empty(len(rows), dtype=np.int64)
    depth[order] = np.arange(len(rows)) - first
    for chunk in range(int(depth.max(initial=-1)) + 1):
        positions = np.flatnonzero(depth == chunk)
        yield positions, rows[positions]
