from __future__ import annotations

import pytest

from lavarobust.dynamics.aligned import CACHE_LINE, aligned_zeros


@pytest.mark.parametrize("kind", ["int8", "int16", "int32"])
def test_memory_begins_with_a_cache_line(kind) -> None:
    for origin in (0, 5, 77):
        memory = aligned_zeros(100, kind, origin)
        assert memory.shape == (100,) and not memory.any()
        assert memory[origin:].ctypes.data % CACHE_LINE == 0
        around = memory.base
        before = memory.ctypes.data - around.ctypes.data
        assert min(before, around.nbytes - before - memory.nbytes) >= CACHE_LINE
