"""Robust spiking networks on neuromorphic integers: train, deploy, execute, attack, price.

Every verb of the command line is one call here. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_VERBS = {
    "train": "lavarobust.experiment.train",
    "export": "lavarobust.experiment.export",
    "check": "lavarobust.experiment.check",
    "run": "lavarobust.experiment.run",
    "attack": "lavarobust.experiment.attack",
    "bill": "lavarobust.experiment.bill",
    "report": "lavarobust.reporting.write",
    "demo": "lavarobust.reporting.demo",
    "load_recipe": "lavarobust.experiment.loading",
    "load_network": "lavarobust.experiment.train",
    "read_model": "lavarobust.netx",
    "write_model": "lavarobust.netx",
    "DataChoice": "lavarobust.experiment.inputs",
    "PlanChoice": "lavarobust.experiment.run",
}

__all__ = sorted(_VERBS)


def __getattr__(name: str) -> Any:
    if name in _VERBS:
        return getattr(import_module(_VERBS[name]), name)
    raise AttributeError(f"module 'lavarobust' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_VERBS])
