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


def chosen_backend(name: str, workers: int = 1, strict: bool = False) -> Backend:
    """The backend that a verb's flags ask for.

    Args:
        workers: processes that the lava backend divides the samples among.
        strict: whether an integer that does not fit is an error; see :class:`.simulator.Simulator`.

    Raises:
        SettingsError: no such backend, or a flag that it does not understand.
    """
    if workers != 1 and name != "lava":
        raise SettingsError(f"the backend {name!r} runs in one process. Leave out --workers, or choose lava")
    if strict and name != "simulator":
        raise SettingsError(
            f"the backend {name!r} can't tell every integer that does not fit. Leave out --strict, or choose "
            "simulator, which runs the same integers"
        )
    options = {"workers": workers} if workers != 1 else {"strict": True} if strict else {}
    return backend(name, **options)


__all__ = ["Backend", "backend", "chosen_backend"]
