"""What counting costs: the simulator and its ledger against the same loops with every count left out.

The loops that count nothing are compiled from the same sources with the functions that count replaced before
anything is compiled; the compiler then also drops whatever only counts needed. They still say which sums and
states left their bits: no ledger reads that. Either kind runs in a process of its own, on the same cores and
as many threads, and is timed there.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from benchmarks.measure import in_rounds, timing, warmed
from benchmarks.networks import NETWORKS
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.dynamics.compiled import inlined
from lavarobust.energy import make_ledger
from lavarobust.execution.simulator import Simulator

BATCH = 256
BAR = 1.10
CASES = ("tiny", "mnist", "pilotnet_lif", "conv")
_EACH = 5
"""Rounds for each that is asked for: one is short, and its ratio no better than the machine was steady."""

_COUNTED, _BARE = "simulator and ledger", "without any count"


def benchmark(settings: Settings) -> Outcome:
    """Time of simulator and ledger as a multiple of that of loops without counts."""
    parts = []
    for name in settings.wanted(CASES):
        say(f"accounting: {name}")
        parts.append(compare(name, settings))
    return together("Accounting: time of simulator and ledger, as a multiple of loops without counts", parts)


def compare(name: str, settings: Settings) -> Outcome:
    """Equal predictions first, then times in turn; the figure is the median of the rounds' own ratios, since
    a machine whose speed changes changes it for both sides of a round."""
    with ExitStack() as stack:
        sides = {
            side: stack.enter_context(_process(name, settings.data, side == _COUNTED))
            for side in (_COUNTED, _BARE)
        }
        (prediction, counted), (expected, uncounted) = (side.recv() for side in sides.values())
        calls = {side: partial(_asked, connection) for side, connection in sides.items()}
        taken = in_rounds(calls, _EACH * settings.repeats)
    failures = []
    if not np.array_equal(prediction, expected):
        failures.append(f"{name}: loops without counts predict otherwise")
    if uncounted or not counted:
        failures.append(
            f"{name}: loops count {counted} operations, and {uncounted} with every count left out"
        )
    ratios = [with_ / without for with_, without in zip(taken[_COUNTED], taken[_BARE], strict=True)]
    timings = {f"{name}, {side}": timing(times) for side, times in taken.items()}
    with_, without = timings.values()
    return Outcome(
        name,
        figures=(Figure(name, statistics.median(ratios), bar=BAR, at_most=True),),
        timings=timings,
        notes=(
            f"{name}: {BATCH} samples, {with_.median:.4g} ms, least {with_.lowest:.4g}, against "
            f"{without.median:.4g} ms, least {without.lowest:.4g}; "
            f"rounds' ratios {min(ratios):.3f} to {max(ratios):.3f}",
        ),
        failures=tuple(failures),
    )


def _asked(connection: Connection) -> float:
    connection.send(None)
    return float(connection.recv())


@contextmanager
def _process(name: str, data: Path | None, counts: bool) -> Iterator[Connection]:
    """A process that says what it predicts and how much it counts, then times a run each time it is asked."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    settings = (theirs, name, data, counts, torch.get_num_threads())
    worker = context.Process(target=_work, args=settings, daemon=True)
    with tempfile.TemporaryDirectory() as cache:
        # compiled loops are kept by their sources, which are the same, in a folder chosen on import
        with patch.dict(os.environ, XDG_CACHE_HOME=cache):
            worker.start()
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            worker.join(timeout=10)


def _work(connection: Connection, name: str, data: Path | None, counts: bool, threads: int) -> None:
    torch.set_num_threads(threads)
    # cores of one machine may differ in speed, by what else runs beside them
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    if not counts:
        _leave_counts_out()
    case, simulator = NETWORKS[name](BATCH, data), Simulator()

    def run() -> None:
        record = simulator.run(case.model, case.stimulus, case.readout)
        if counts:
            make_ledger(record, case.model)

    record = simulator.run(case.model, case.stimulus, case.readout)
    operations = sum(int(layer.synops.sum() + layer.spikes.sum()) for layer in record.layers)
    connection.send((record.prediction, operations))
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        connection.send(warmed(run))


def _leave_counts_out() -> None:
    from lavarobust.execution.simulator import chunk, conv_window, dense_window, prepared, window

    @inlined
    def nothing_arrived(results: Any, n: int, t: int, events: int, operations: int) -> None:
        pass

    @inlined
    def nothing_driven(words: Any, n: int, t: int, fan_out: Any) -> int:
        return 0

    @inlined
    def no_step(neurons: Any, results: Any, n: int, t: int, moving: Any, first: int) -> None:
        pass

    neurons = prepared.Neurons

    def never_at_rest(*constants: Any) -> window.Neurons:
        return neurons(*constants)._replace(resting=False)

    for module in (conv_window, dense_window):
        module.count_arrivals = nothing_arrived  # type: ignore[attr-defined]
        module.driven = nothing_driven  # type: ignore[attr-defined]
        module.count_step = no_step  # type: ignore[attr-defined]
    # where no neuron can be at rest no mask of active updates is kept
    prepared.Neurons = never_at_rest  # type: ignore[attr-defined, misc, assignment]
    # the trial runs of each loop compare counts as well
    chunk.is_exact = lambda kind: True  # type: ignore[attr-defined]
