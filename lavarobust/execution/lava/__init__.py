"""The ``lava`` backend: Lava's CPU simulator, bit-accurate models (``fixed_pt``)."""

from __future__ import annotations

from lavarobust.compat import activate

activate()

from lavarobust.execution.lava.backend import LavaBackend  # noqa: E402  (lava is patched first)

__all__ = ["LavaBackend"]
