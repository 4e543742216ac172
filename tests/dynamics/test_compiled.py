"""Loops compile wherever the package lies."""

from __future__ import annotations

import os
import subprocess
import sys

import numba

from lavarobust.dynamics.compiled import compiled, digest


def test_loops_compile_where_nothing_may_be_kept(monkeypatch) -> None:
    njit = numba.njit

    def without_cache(*functions, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(*functions, **options)

    monkeypatch.setattr(numba, "njit", without_cache)
    assert compiled(lambda x: x + 1)(1) == 2


def test_an_edit_of_any_loop_finds_nothing_of_before(tmp_path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "loop.py").write_text("x = 1\n")
    (tmp_path / "b" / "part.py").write_text("y = 1\n")
    folders = [tmp_path / "a", tmp_path / "b"]
    before = digest(folders)
    assert digest(folders) == before and len(before) == 16
    (tmp_path / "a" / "notes.txt").write_text("no loop")
    assert digest(folders) == before
    (tmp_path / "b" / "part.py").write_text("y = 2\n")
    assert digest(folders) != before


def test_loops_are_kept_below_the_user_s_own_choice_of_folder(tmp_path) -> None:
    script = (
        "from lavarobust.execution.simulator.order import pack, positions; import numpy as np;"
        "pack(np.ones((1, 3, 2), dtype=np.int32), positions((3,)))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    [folder] = tmp_path.iterdir()
    assert folder.name.startswith("loops-")
    assert any(folder.rglob("order._pack-*.nbi"))
