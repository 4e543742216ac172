"""What counting costs: the simulator and its ledger against the same loops with every count left out.

The loops that count nothing are compiled in a process of their own, from the same sources with the functions
that count replaced before anything is compiled; the compiler then also drops whatever only counts needed.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.measure import clocked, rounds
from benchmarks.networks import NETWORKS
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.energy import make_ledger
from lavarobust.execution.simulator import Simulator

BATCH = 256
BAR = 1.10
CASES = ("tiny", "mnist", "pilotnet_lif", "conv")
_COUNTED, _BARE, _LEDGER = "simulator", "without any count", "ledger"


def benchmark(settings: Settings) -> Outcome:
    """Time of simulator and ledger as a multiple of that of loops without counts."""
    parts = []
    for name in settings.wanted(CASES):
        say(f"accounting: {name}")
        parts.append(compare(name, settings))
    return together("Accounting: time of simulator and ledger, as a multiple of loops without counts", parts)


def compare(name: str, settings: Settings) -> Outcome:
    """Equal predictions first, then times in turn."""
    case = NETWORKS[name](BATCH, settings.data)
    simulator = Simulator()
    run = partial(simulator.run, case.model, case.stimulus, case.readout)
    record = run()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as cache:
        worker = context.Process(target=_bare, args=(theirs, name, settings.data), daemon=True)
        # compiled loops are kept by their sources, which are the same, in a folder chosen on import
        with patch.dict(os.environ, XDG_CACHE_HOME=cache):
            worker.start()
        theirs.close()
        try:
            prediction, counted = ours.recv()
            taken = rounds(
                {
                    _COUNTED: lambda: clocked(run),
                    _BARE: lambda: _asked(ours),
                    _LEDGER: lambda: clocked(partial(make_ledger, record, case.model)),
                },
                settings.repeats,
            )
        finally:
            ours.close()
            worker.join(timeout=10)
    failures = []
    if not np.array_equal(prediction, record.prediction):
        failures.append(f"{name}: loops without counts predict otherwise")
    if counted:
        failures.append(f"{name}: loops without counts count {counted} operations")
    bare, counting = taken[_BARE].median, taken[_COUNTED].median + taken[_LEDGER].median
    return Outcome(
        name,
        figures=(Figure(name, counting / bare, bar=BAR, at_most=True),),
        timings={f"{name}, {call}": timing for call, timing in taken.items()},
        notes=(
            f"{name}: {BATCH} samples, {taken[_COUNTED].median:.4g} ms and {taken[_LEDGER].median:.4g} ms of "
            f"ledger against {bare:.4g} ms ({taken[_BARE].lowest:.4g} to {taken[_BARE].highest:.4g})",
        ),
        failures=tuple(failures),
    )


def _asked(connection: Connection) -> float:
    connection.send(None)
    return float(connection.recv())


def _bare(connection: Connection, name: str, data: Path | None) -> None:
    """The other process: times a run each time it is asked."""
    _leave_counts_out()
    case = NETWORKS[name](BATCH, data)
    run = partial(Simulator().run, case.model, case.stimulus, case.readout)
    record = run()
    operations = sum(int(layer.synops.sum() + layer.spikes.sum()) for layer in record.layers)
    connection.send((record.prediction, operations))
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        connection.send(clocked(run))


def _leave_counts_out() -> None:
    from lavarobust.dynamics.compiled import inlined
    from lavarobust.execution.simulator import chunk, conv_window, dense_window, window

    @inlined
    def nothing_arrived(results: Any, n: int, t: int, events: int, operations: int) -> None:
        pass

    @inlined
    def none(mask: Any, valid: int) -> int:
        return 0

    put = window.put_row

    @inlined
    def put_only(fired: Any, valid: int, words: Any, n: int, t: int, at: int) -> int:
        put(fired, valid, words, n, t, at)
        return 0

    @inlined
    def drives_none(places: Any, listed: Any, low: int, found: int, silent: bool) -> int:
        return 0

    window.count_row, window.put_row = none, put_only
    for module in (conv_window, dense_window):
        module.count_arrivals = nothing_arrived  # type: ignore[attr-defined]
    dense_window._driven = drives_none
    # the trial runs of each loop compare counts as well
    chunk.is_exact = lambda kind: True  # type: ignore[attr-defined]
