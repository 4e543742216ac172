"""Loops compile wherever the package lies."""

from __future__ import annotations

import numba

from lavarobust.dynamics.compiled import compiled


def test_loops_compile_where_nothing_may_be_kept(monkeypatch) -> None:
    njit = numba.njit

    def without_cache(*functions, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*functions, **options)

    monkeypatch.setattr(numba, "njit", without_cache)
    assert compiled(lambda x: x + 1)(1) == 2
