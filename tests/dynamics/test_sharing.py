"""Samples shared out among threads."""

from __future__ import annotations

import pytest
import torch

from lavarobust.dynamics.sharing import share_out


@pytest.mark.parametrize(("threads", "samples", "parts"), [(1, 5, 1), (2, 7, 4), (3, 2, 1), (2, 1, 4)])
def test_every_sample_is_done_once(monkeypatch, threads, samples, parts) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    done: list[int] = []
    share_out(lambda first, last: done.extend(range(first, last)), samples, parts)
    assert sorted(done) == list(range(samples))


def test_an_error_in_any_part_is_raised(monkeypatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)

    def work(first: int, last: int) -> None:
        if last == 8:
            raise ValueError("part")

    with pytest.raises(ValueError, match="part"):
        share_out(work, 8, 4)
