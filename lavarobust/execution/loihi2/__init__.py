"""The ``loihi2`` backend, through Intel's lava-loihi; it has not been run on hardware."""

from __future__ import annotations

from lavarobust.compat import activate

activate()

from lavarobust.execution.loihi2.backend import Loihi2Backend  # noqa: E402  (lava is patched first)

__all__ = ["Loihi2Backend"]
