"""``python -m benchmarks.run [execution] [training]``: print tables, write a JSON file for each."""

from __future__ import annotations

import argparse

import torch

from benchmarks import execution, training
from benchmarks.measure import machine, save

BENCHMARKS = {"execution": execution.benchmark, "training": training.benchmark}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--repeats", type=int, default=5, help="measured runs of each call (default: 5)")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch (default: 1)")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - BENCHMARKS.keys()
    if unknown or arguments.repeats < 1 or arguments.threads < 1:
        parser.error(f"choose from {', '.join(BENCHMARKS)}, with at least one repeat and one thread")
    torch.set_num_threads(arguments.threads)
    about = machine()
    for name in arguments.names or BENCHMARKS:
        text, timings, ratios = BENCHMARKS[name](arguments.repeats)
        print(f"{text}\n{save(name, about, timings, ratios)}\n", flush=True)
    print(", ".join(f"{key}: {value}" for key, value in about.items()))


if __name__ == "__main__":
    main()
