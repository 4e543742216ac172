"""Measure, print each figure beside its bar, and write a JSON file per benchmark to benchmarks/results."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.measure import machine, save
from benchmarks.outcome import Outcome, render, values
from benchmarks.settings import Settings, say


@dataclass(frozen=True)
class Benchmark:
    """A benchmark that can be asked for.

    Attributes:
        module: what runs it; imported only then.
        about: what it compares.
        cases: parts of it that can be asked for alone.
    """

    module: str
    about: str
    cases: tuple[str, ...] = ()


BENCHMARKS = {
    "execution": Benchmark(
        "benchmarks.execution",
        "the simulator against stock Lava",
        ("tiny", "mnist", "pilotnet_lif", "conv", "pilotnet_sdnn"),
    ),
    "lava": Benchmark("benchmarks.lava_backend", "the lava backend against stock Lava", ("pilotnet_lif",)),
    "limit": Benchmark(
        "benchmarks.limit",
        "single layers against this machine's matrix products",
        ("typical", "tiny", "mnist", "pilotnet_lif", "conv"),
    ),
    "accounting": Benchmark(
        "benchmarks.accounting",
        "what counting costs the simulator",
        ("tiny", "mnist", "pilotnet_lif", "conv"),
    ),
    "activity": Benchmark("benchmarks.activity", "a dense layer against the 8-bit product, by activity"),
    "scaling": Benchmark("benchmarks.scaling", "1k to 64k samples: time and memory", ("mnist", "conv")),
    "comparison": Benchmark(
        "benchmarks.comparison", "the simulator against snnTorch and SpikingJelly", ("mlp", "conv")
    ),
    "training": Benchmark("benchmarks.training", "a training step against stock SLAYER blocks"),
    "attack": Benchmark(
        "benchmarks.attack", "an attack's gradient step against stock SLAYER blocks, and its scores"
    ),
    "periods": Benchmark("benchmarks.periods", "HIRE-SNN's training of a batch beside the traditional one"),
    "rules": Benchmark(
        "benchmarks.rules", "an attack's gradient by gradient rule, beside a surrogate's", ("digits", "conv")
    ),
}

EXAMPLES = """examples:
  python -m benchmarks.run                            everything
  python -m benchmarks.run execution:tiny --repeats 3 one network, quickly
  python -m benchmarks.run limit comparison:mlp       two benchmarks, one of them in part
  python -m benchmarks.run --data ~/mnist scaling     real images (else noise of stated activity)
"""


def main() -> int:
    """Returns 1 where outputs differ from the reference's; a bar that is not met is only printed."""
    parser = _parser()
    arguments = parser.parse_args()
    try:
        chosen = choose(arguments.names)
    except ValueError as error:
        parser.error(str(error))
    if arguments.repeats < 1 or arguments.threads < 1:
        parser.error("--repeats and --threads are at least 1")
    torch.set_num_threads(arguments.threads)
    about, failed = machine(), False
    settings = Settings(arguments.repeats, arguments.data)
    for name, cases in chosen.items():
        say(name)
        start = time.monotonic()
        outcome = _run(name, replace(settings, only=frozenset(cases)))
        path = save(name, about, outcome.timings, more=values(outcome))
        print(f"{render(outcome)}\n  {time.monotonic() - start:.0f} s; {path}\n", flush=True)
        failed |= bool(outcome.failures)
    print(", ".join(f"{key}: {value}" for key, value in about.items()))
    return int(failed)


def choose(names: Iterable[str]) -> dict[str, set[str]]:
    """Cases by benchmark, of ``benchmark`` or ``benchmark:case``; no cases stands for all of them.

    Raises:
        ValueError: no such benchmark or case.
    """
    chosen: dict[str, set[str]] = {}
    whole = set()
    for given in names:
        name, _, case = given.partition(":")
        if name not in BENCHMARKS:
            raise ValueError(f"no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
        if ":" in given and case not in BENCHMARKS[name].cases:
            cases = BENCHMARKS[name].cases
            raise ValueError(f"no case {case!r} of {name}; there are {', '.join(cases) or 'none'}")
        chosen.setdefault(name, set())
        if case:
            chosen[name].add(case)
        else:
            whole.add(name)
    return {name: set() if name in whole else cases for name, cases in chosen.items()} or {
        name: set() for name in BENCHMARKS
    }


def _run(name: str, settings: Settings) -> Outcome:
    benchmark: Callable = import_module(BENCHMARKS[name].module).benchmark
    outcome: Outcome = benchmark(settings)
    return outcome


def _parser() -> argparse.ArgumentParser:
    lines = [
        f"  {name:12}{benchmark.about}"
        + (f" ({', '.join(f'{name}:{case}' for case in benchmark.cases)})" if benchmark.cases else "")
        for name, benchmark in BENCHMARKS.items()
    ]
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        epilog="\n".join(["benchmarks and their cases:", *lines, "", EXAMPLES]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cores, data = len(os.sched_getaffinity(0)), os.environ.get("LAVAROBUST_DATA")
    parser.add_argument("names", nargs="*", metavar="NAME[:CASE]", help="what to run (default: everything)")
    parser.add_argument("--repeats", type=int, default=5, help="measured rounds (default: 5)")
    parser.add_argument(
        "--threads",
        type=int,
        default=cores,
        help="threads of torch and of the simulator (default: all cores)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(data) if data else None,
        metavar="FOLDER",
        help="MNIST's idx files, or a folder with mnist/ in it (default: $LAVAROBUST_DATA, else noise)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
