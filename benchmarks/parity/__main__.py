"""Differential fuzzing: random full-range networks through the simulator and through real Lava.

Spikes per layer and step, all counts, outputs, predictions and potentials are compared. A network counts
if every layer spikes in 0.5 % to 95 % of its neurons and steps. A difference is shrunk to a small file.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from tqdm import tqdm

from benchmarks.measure import RESULTS, machine
from benchmarks.parity import files
from benchmarks.parity.attempt import Attempt, attempt
from benchmarks.parity.compare import compare
from benchmarks.parity.shrink import size
from benchmarks.parity.summary import Summary
from lavarobust.errors import LavarobustError
from lavarobust.execution.workers import Workers
from lavarobust.files import atomic_write, check_can_be_written, make_folder

EXAMPLES = """examples:
  python -m benchmarks.parity --networks 200 --seed 1
  python -m benchmarks.parity --networks 2000 --workers 2 --json parity.json
  python -m benchmarks.parity --seed 1 --only 17 --only 42      these two once more
  python -m benchmarks.parity --replay parity-1-17.net          what a difference was shrunk to

exit code: 0 no difference, 1 a difference, 2 wrong arguments, 130 stopped by Ctrl-C (prints what was done)
"""

TASKS_EACH = 100
"""Networks until a worker is replaced: Lava keeps memory of each."""

_MOST_DIFFERING = 5
"""Networks with a difference until a run stops: the rest would show the same."""


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parse(arguments)
    try:
        return _replay(chosen.replay) if chosen.replay else _run(chosen)
    except LavarobustError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.parity",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--networks", type=int, default=100, metavar="N", help="to try (default: 100)")
    parser.add_argument("--seed", type=int, default=0, help="what the networks are drawn from (default: 0)")
    parser.add_argument(
        "--only",
        type=int,
        action="append",
        metavar="INDEX",
        help="this one of the seed alone; repeatable",
    )
    parser.add_argument(
        "--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes (default: one per core)"
    )
    parser.add_argument("--json", metavar="FILE", help="of the result (default: one in benchmarks/results)")
    parser.add_argument(
        "--failures", type=Path, default=Path(), metavar="FOLDER", help="for shrunk networks (default: here)"
    )
    parser.add_argument("--replay", metavar="FILE", help="run a shrunk network again, and nothing else")
    chosen = parser.parse_args(arguments)
    if chosen.networks < 1 or chosen.seed < 0 or chosen.workers < 1 or min(chosen.only or [0]) < 0:
        parser.error("give at least one network and one worker, and neither a seed nor an index below 0")
    return chosen


def _run(chosen: argparse.Namespace) -> int:
    path = _result_path(chosen)
    make_folder(chosen.failures)
    indices = chosen.only or range(chosen.networks)
    start, done, interrupted = time.monotonic(), [], False
    workers = Workers(min(chosen.workers, len(indices)), TASKS_EACH)
    running = workers.run(attempt, ((chosen.seed, index) for index in indices))
    often = 0.1 if sys.stderr.isatty() else 30.0
    with tqdm(total=len(indices), unit="network", mininterval=often) as bar:
        try:
            for _, result in running:
                done.append(result)
                bar.update()
                if result.differences:
                    bar.write(_tell(result, chosen))
                if sum(bool(each.differences) for each in done) >= _MOST_DIFFERING:
                    bar.write(f"stopped after {_MOST_DIFFERING} networks with differences")
                    break
        except KeyboardInterrupt:
            interrupted = True
        finally:
            running.close()
            workers.close()
    done.sort(key=lambda each: each.index)
    summary = Summary.of(done)
    seconds = time.monotonic() - start
    print(summary.text())
    print(f"{seconds:.0f} s on {workers.count} workers{', stopped by Ctrl-C' if interrupted else ''}; {path}")
    content = {
        "benchmark": "parity",
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(),
        "seed": chosen.seed,
        "interrupted": interrupted,
        "seconds": round(seconds, 1),
        **summary.plain(),
        "networks": [each.plain() for each in done],
    }
    atomic_write(path, (json.dumps(content, indent=1) + "\n").encode())
    if summary.differing:
        return 1
    return 130 if interrupted else 0


def _result_path(chosen: argparse.Namespace) -> Path:
    """Where the result goes; refused before the work where it can't be written."""
    now = datetime.now(timezone.utc)
    path = Path(chosen.json) if chosen.json else RESULTS / f"parity-{now:%Y%m%dT%H%M%SZ}.json"
    if not chosen.json:
        make_folder(RESULTS)
    check_can_be_written(path)
    return path


def _tell(result: Attempt, chosen: argparse.Namespace) -> str:
    lines = [f"network {result.index} of seed {chosen.seed}:", *(f"  {line}" for line in result.differences)]
    if result.replay is not None:
        path = chosen.failures / f"parity-{chosen.seed}-{result.index}.net"
        atomic_write(path, result.replay)
        lines += [f"  shrunk to {result.left}", f"  python -m benchmarks.parity --replay {path}"]
    return "\n".join(lines)


def _replay(path: str) -> int:
    trial = files.load(path)
    print(f"{path}: {size(trial)}")
    result = compare(trial)
    if result.refused:
        print("the lava backend refuses it by name: nothing is compared")
        return 0
    print("\n".join(result.differences) or "no difference")
    return 1 if result.differences else 0


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell lets what runs in its background ignore Ctrl-C
        signal.signal(number, signal.default_int_handler)
    sys.exit(main())
