"""The ``lava`` backend against stock Lava, on pilotnet_lif: milliseconds per sample, equal outputs."""

from __future__ import annotations

import inspect
import os
from functools import partial
from typing import Any

from benchmarks.measure import clocked, rounds
from benchmarks.networks import NETWORKS
from benchmarks.outcome import Figure, Outcome
from benchmarks.settings import Settings, say
from benchmarks.stock import LavaBackend, differences, outputs, run_stock

CASES = ("pilotnet_lif",)
BAR = 12.0
SAMPLES = 4
FEW, MANY = 8, 40
"""Samples whose difference in time tells a sample's own from the network's start."""

_STOCK, _OURS = "stock Lava", "lava backend"


def options() -> dict[str, Any]:
    """As many workers as cores, where this backend has them."""
    if "workers" in inspect.signature(LavaBackend).parameters:
        return {"workers": len(os.sched_getaffinity(0))}
    return {}


def benchmark(settings: Settings) -> Outcome:
    """Times as many samples a second as stock Lava, start taken out of both."""
    if not settings.wanted(CASES):
        return Outcome("lava backend")
    say("lava: pilotnet_lif")
    case, chosen = NETWORKS["pilotnet_lif"](MANY, settings.data), options()
    backend = LavaBackend(**chosen)

    def run(samples: int) -> float:
        return clocked(partial(backend.run, case.model, case.first(samples), case.readout))

    first = case.first(SAMPLES)
    found = run_stock(case, first).outputs
    wrong = differences(found, outputs(backend.run(case.model, first, case.readout), case))
    whole: list[float] = []

    def each() -> float:
        few, many = run(FEW), run(MANY)
        whole.append(many / MANY)
        return (many - few) / (MANY - FEW)

    taken = rounds({_STOCK: lambda: run_stock(case, first).milliseconds, _OURS: each}, settings.repeats)
    stock, ours = taken[_STOCK].median, taken[_OURS].median
    return Outcome(
        "lava backend against stock Lava streaming, pilotnet_lif: times as fast",
        figures=(Figure("lava backend, pilotnet_lif", stock / ours, bar=BAR),),
        timings=taken,
        notes=(
            f"stock {stock:.4g} ms, ours {ours:.4g} ms a sample without the start "
            f"({min(whole):.4g} ms with it, {MANY} samples); {wrong} of {found.size} outputs differ",
            f"options: {chosen or 'none: this backend has no workers'}; {case.inputs}",
        ),
        failures=(f"{wrong} of {found.size} outputs differ from stock Lava's",) if wrong else (),
    )
