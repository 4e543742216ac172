"""What a process had resident at most, and measuring it in a process of its own."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import torch

_ROOT = Path(__file__).resolve().parents[1]


def in_a_fresh_process(module: str, side: str, steps: int) -> float:
    """The number that ``python -m MODULE SIDE STEPS THREADS`` prints as its last line.

    Raises:
        RuntimeError: it failed; holds what it said.
    """
    command = [sys.executable, "-m", module, side, str(steps), str(torch.get_num_threads())]
    finished = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{finished.stderr}")
    return float(json.loads(finished.stdout.splitlines()[-1]))


def answer(sides: Iterable[str], growth: Callable[[str, int], float]) -> None:
    """The other end of :func:`in_a_fresh_process`: prints the side's growth as a line of JSON."""
    parser = argparse.ArgumentParser(description="Measure one side's memory in this process.")
    parser.add_argument("side", choices=list(sides))
    for number in ("steps", "threads"):
        parser.add_argument(number, type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(growth(arguments.side, arguments.steps)))


def peak() -> float:
    """MiB that this process had resident at most, since :func:`forget_peak`.

    Not ``getrusage``: a child's begins at what its parent held when it forked.
    """
    with open("/proc/self/status") as lines:
        [line] = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    """Start the peak anew at what is resident now (``man 5 proc``, clear_refs)."""
    with open("/proc/self/clear_refs", "w") as switch:
        switch.write("5")
