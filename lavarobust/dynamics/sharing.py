"""Work over samples shared out among as many threads as torch has; no result depends on their number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
import torch

from lavarobust.dynamics.turns import Turns, turns

_TURNS = 16
"""Parts per thread that compiled work takes by itself: samples differ in how many spikes they make."""


def share_out(work: Callable[[int, int], None], samples: int, parts_per_thread: int = 1) -> None:
    """Call ``work(first, last)`` on parts that make up ``range(samples)``, side by side.

    Args:
        work: must let go of the interpreter's lock to gain anything.
        parts_per_thread: more than one where samples take unequal time.
    """
    threads = _threads(samples)
    if threads == 1:
        work(0, samples)
        return
    edges = np.linspace(0, samples, min(samples, threads * parts_per_thread) + 1).astype(int).tolist()
    parts = iter(list(itertools.pairwise(edges)))

    def take_turns() -> None:
        for part in parts:
            work(*part)

    _side_by_side(take_turns, threads)


def share_turns(work: Callable[[Turns], None], samples: int) -> None:
    """The same for compiled work that takes its parts by itself, until none is left."""
    threads = _threads(samples)
    left = turns(samples, threads * _TURNS if threads > 1 else 1)
    _side_by_side(lambda: work(left), threads, lambda: left.done)


def _threads(samples: int) -> int:
    return max(min(torch.get_num_threads(), samples), 1)


def _side_by_side(work: Callable[[], None], threads: int, done: Callable[[], bool] = lambda: False) -> None:
    # the calling thread works too: it is awake already, and one fewer has to find a free core
    jobs = [_pool(threads - 1).submit(work) for _ in range(threads - 1)]
    try:
        work()
    finally:
        for job in jobs:
            # a thread that has not even begun, or is on its way back, has nothing left to do
            if not job.cancel() and not done():
                job.result()


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="samples")
