"""Robust spiking networks on neuromorphic integers: train, deploy, execute, attack, price.

Every verb of the command line is one call here. Nothing heavy is imported before it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lavarobust.experiment.attack import attack
    from lavarobust.experiment.benchmark import benchmark
    from lavarobust.experiment.bill import bill
    from lavarobust.experiment.check import check, check_recipe
    from lavarobust.experiment.export import export
    from lavarobust.experiment.inputs import DataChoice
    from lavarobust.experiment.loading import load_recipe
    from lavarobust.experiment.run import PlanChoice, run
    from lavarobust.experiment.sanafe import sanafe
    from lavarobust.experiment.train import load_network, train
    from lavarobust.netx import read_model, write_model
    from lavarobust.reporting.demo import demo
    from lavarobust.reporting.sweep import sweep
    from lavarobust.reporting.write import report

__all__ = [
    "DataChoice",
    "PlanChoice",
    "attack",
    "benchmark",
    "bill",
    "check",
    "check_recipe",
    "demo",
    "export",
    "load_network",
    "load_recipe",
    "read_model",
    "report",
    "run",
    "sanafe",
    "sweep",
    "train",
    "write_model",
]

if not TYPE_CHECKING:
    # no room of the package has one of these names: importing it would put the module in the call's place
    _HOMES = {
        "DataChoice": "experiment.inputs",
        "PlanChoice": "experiment.run",
        "attack": "experiment.attack",
        "benchmark": "experiment.benchmark",
        "bill": "experiment.bill",
        "check": "experiment.check",
        "check_recipe": "experiment.check",
        "demo": "reporting.demo",
        "export": "experiment.export",
        "load_network": "experiment.train",
        "load_recipe": "experiment.loading",
        "read_model": "netx",
        "report": "reporting.write",
        "run": "experiment.run",
        "sanafe": "experiment.sanafe",
        "sweep": "reporting.sweep",
        "train": "experiment.train",
        "write_model": "netx",
    }

    def __getattr__(name):
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module 'lavarobust' has no attribute {name!r}")
        return getattr(import_module(f"lavarobust.{_HOMES[name]}"), name)

    def __dir__():
        return sorted([*globals(), *__all__])
