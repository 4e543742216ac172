from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from lavarobust.dynamics import reuse

LARGE = (1 << 18) + 4


@pytest.fixture(autouse=True)
def idle(monkeypatch: pytest.MonkeyPatch) -> Iterator[list]:
    monkeypatch.setattr(reuse, "_idle", [])
    yield reuse._idle


def address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def test_arrays_are_as_asked_for() -> None:
    for shape, kind in (
        ((3, 5), np.int8),
        ((70_000, 2), np.float32),
        ((0, 7), np.int64),
        ((300, 999), np.int32),
    ):
        made = reuse.empty(shape, kind)
        assert made.shape == shape
        assert made.dtype == kind
        assert made.flags.c_contiguous and made.flags.writeable
        made[:] = 1
        del made
        assert not reuse.zeros(shape, kind).any()


def test_memory_is_used_again_but_never_twice_at_once() -> None:
    first, second = reuse.empty((LARGE,), np.int8), reuse.empty((LARGE,), np.int8)
    places = {address(first), address(second)}
    assert len(places) == 2
    del first, second
    again = [reuse.empty((LARGE // 4,), np.float32) for _ in range(3)]
    assert len({address(array) for array in again}) == 3
    assert places < {address(array) for array in again}


def test_views_and_tensors_hold_their_memory() -> None:
    made = reuse.zeros((LARGE // 4,), np.float32)
    place, view = address(made), torch.from_numpy(made[5:]).view(-1, 1)
    del made
    other = reuse.empty((LARGE // 4,), np.float32)
    other.fill(7)
    assert address(other) != place
    assert not view.any()
    del view
    assert address(reuse.empty((LARGE // 4,), np.float32)) == place


def test_small_arrays_and_what_is_too_much_are_not_kept(idle: list, monkeypatch: pytest.MonkeyPatch) -> None:
    reuse.empty((1000,), np.int8)
    assert idle == []
    monkeypatch.setattr(reuse, "MOST", 1 << 20)
    arrays = [reuse.empty((LARGE,), np.int8) for _ in range(4)]
    last = address(arrays[-1])
    while arrays:
        del arrays[0]
    assert sum(memory.size for memory in idle) == 1 << 20
    assert idle[-1].content.ctypes.data == last
    reuse.empty(((1 << 20) + 1,), np.int8)
    assert sum(memory.size for memory in idle) <= 1 << 20


def test_threads_never_share_memory() -> None:
    def write(number: int) -> bool:
        right = True
        for _ in range(200):
            mine = reuse.empty((LARGE // 8,), np.int64)
            mine.fill(number)
            right &= bool((mine == number).all())
        return right

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write, range(4)))
