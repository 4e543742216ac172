"""Parts that threads take from within compiled loops."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from lavarobust.dynamics.compiled import unmanaged
from lavarobust.dynamics.sharing import share_turns
from lavarobust.dynamics.turns import take, turns


@unmanaged
def count(done: Any, left: Any) -> None:
    first, last = take(left, 0)
    while first < last:
        for n in range(first, last):
            done[n] += 1
        first, last = take(left, last - first)


@pytest.mark.parametrize(("samples", "parts"), [(0, 1), (1, 8), (7, 2), (8, 4), (100, 3)])
def test_every_sample_is_taken_once(samples, parts) -> None:
    done = np.zeros(samples, dtype=np.int64)
    left = turns(samples, parts)
    assert left.done == (samples == 0)
    count(done, left)
    assert (done == 1).all() and left.done


def test_threads_never_take_the_same_sample() -> None:
    samples = 1_000_000
    done, left = np.zeros(samples, dtype=np.int64), turns(samples, samples)
    with ThreadPoolExecutor(4) as pool:
        for job in [pool.submit(count, done, left) for _ in range(4)]:
            job.result()
    assert (done == 1).all()


def test_a_part_holds_what_was_asked_for() -> None:
    assert turns(100, 4).together == 25
    assert turns(3, 8).together == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_shared_turns_do_every_sample_once(monkeypatch, threads) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    for samples in (0, 1, 40, 5_000):
        done = np.zeros(samples, dtype=np.int64)
        share_turns(partial(count, done), samples)
        assert (done == 1).all()


def test_an_error_in_shared_turns_is_raised(monkeypatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def fail(left: object) -> None:
        raise ValueError("not begun")

    with pytest.raises(ValueError, match="not begun"):
        share_turns(fail, 8)
