"""Repeated timing of calls in turn, the machine they ran on, and results as a table and a file."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from importlib import metadata
from pathlib import Path

import torch

RESULTS = Path(__file__).parent / "results"

SETTLING = 0.02
"""Seconds in which OpenMP's threads stop spinning."""

WARMING = 0.03
"""Seconds for which a call is repeated before it is timed, and while it is timed, but then at most ..."""

MOST = 100
"""... so many times."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call over several runs."""

    median: float
    lowest: float
    highest: float
    runs: int


def in_turn(calls: dict[str, Callable[[], object]], repeats: int) -> dict[str, Timing]:
    """Time every call ``repeats`` times, one after the other in each round, so that a busy moment of the
    machine hits all alike; one unmeasured round comes first.

    Threads of the call before go on spinning for a while, and hold a core that belongs to this one; its own
    threads and caches have to wake up. So each runs unmeasured for a while, and is then timed in a row.
    """
    return rounds({name: partial(warmed, call) for name, call in calls.items()}, repeats)


def warmed(call: Callable[[], object]) -> float:
    """Milliseconds of one of several calls in a row, after some that are not measured."""
    end = time.perf_counter() + WARMING
    taken = clocked(call)
    while time.perf_counter() < end:
        taken = clocked(call)
    return in_a_row(call, math.ceil(1e3 * WARMING / max(taken, 1e3 * WARMING / MOST)))


def in_a_row(call: Callable[[], object], times: int) -> float:
    """Milliseconds of one of several calls, one right after the other."""
    return sum(clocked(call) for _ in range(times)) / times


def rounds(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, Timing]:
    """The same for calls that return their own milliseconds, setting-up left out."""
    return {name: timing(times) for name, times in in_rounds(calls, repeats).items()}


def in_rounds(calls: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of every call in every measured round, as it returns them."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for round_ in range(repeats + 1):
        for name, call in calls.items():
            milliseconds = call()
            if round_:
                taken[name].append(milliseconds)
    return taken


def clocked(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def timing(milliseconds: Sequence[float]) -> Timing:
    """Summary of several runs."""
    return Timing(statistics.median(milliseconds), min(milliseconds), max(milliseconds), len(milliseconds))


def machine() -> dict[str, object]:
    """What a reader needs to know to compare."""
    with open("/proc/cpuinfo") as lines:
        models = {line.split(":")[1].strip() for line in lines if line.startswith("model name")}
    packages = ("torch", "numpy", "lava-nc", "lava-dl")
    return {
        "processor": sorted(models) or [platform.machine()],
        "usable cores": len(os.sched_getaffinity(0)),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load before": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch threads": torch.get_num_threads(),
        **{package: metadata.version(package) for package in packages},
    }


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as they need; numbers to the right."""
    cells = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if index < 2 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in ([*header], ["-" * width for width in widths], *cells)
    ]
    return "\n".join([title, *lines])


def save(
    name: str,
    about: dict[str, object],
    timings: dict[str, Timing],
    ratios: dict[str, float] | None = None,
    more: dict[str, object] | None = None,
) -> Path:
    """A JSON file of this run under ``benchmarks/results``."""
    now = datetime.now(timezone.utc)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{now:%Y%m%dT%H%M%SZ}.json"
    content = {
        "benchmark": name,
        "time": now.isoformat(timespec="seconds"),
        "machine": about,
        "milliseconds": {key: asdict(timing) for key, timing in timings.items()},
        "ratios": ratios or {},
        **(more or {}),
    }
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(beside, path)
    return path
