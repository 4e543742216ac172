"""Execution backends: the same integers, run by different engines."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lavarobust.errors import SettingsError
from lavarobust.execution.protocol import Backend

_BACKENDS = {
    "simulator": ("lavarobust.execution.simulator", "Simulator"),
    "lava": ("lavarobust.execution.lava", "LavaBackend"),
    "loihi2": ("lavarobust.execution.loihi2", "Loihi2Backend"),
}


def backend(name: str, **options: Any) -> Backend:
    """The backend of that name; only its own module is imported.

    Args:
        name: ``simulator``, ``lava`` or ``loihi2``.
        options: passed to the backend's constructor.

    Raises:
        SettingsError: no such backend.
    """
    if name not in _BACKENDS:
        raise SettingsError(f"no backend {name!r}. Choose one of: {', '.join(_BACKENDS)}")
    module, attribute = _BACKENDS[name]
    made: Backend = getattr(import_module(module), attribute)(**options)
    return made


def backend_with_workers(name: str, workers: int = 1) -> Backend:
    """The backend of that name, its samples divided among so many processes.

    Raises:
        SettingsError: no such backend, or one that runs in this process alone.
    """
    if workers == 1:
        return backend(name)
    if name != "lava":
        raise SettingsError(f"the backend {name!r} runs in one process. Leave out --workers, or choose lava")
    return backend(name, workers=workers)


__all__ = ["Backend", "backend", "backend_with_workers"]
