"""From 1k to 64k samples: time per sample, and peak memory of a process of its own for every size.

Images lie in a file that is mapped slice by slice, as an evaluation encodes them, and the records of the
slices are joined: outputs of all samples and every layer's counts of every step are kept. One call with all
samples in one array is printed beside it without a bar: its input alone grows with them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import clocked, timing
from benchmarks.memory import forget_peak, peak
from benchmarks.networks import NETWORKS
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.execution.simulator import Simulator
from lavarobust.record import Record, Stimulus, joined

SIZES = (1024, 4096, 16384, 65536)
SLICE = 256
"""Samples handed over at a time."""

IMAGES = 2048
"""Different images; larger sizes repeat them, so that every size has the same activity."""

ONE_CALL = (1024, 16384)
TIME_BAR, MEMORY_BAR = 10.0, 100.0
ROUNDS = 3
"""Processes for each size at most; 64k samples take long."""

PASSES = 16
"""Times that a process runs the smallest size, so that it is not over in a blink; larger ones fewer."""

CASES = ("mnist", "conv")
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Size:
    """What a process measured.

    Attributes:
        samples: N.
        milliseconds: of one sample.
        peak: MiB resident at most while samples ran, mapped files included.
        before: MiB resident before that, all compiled.
        stimulus: MiB of input arrays held at a time.
    """

    samples: int
    milliseconds: float
    peak: float
    before: float
    stimulus: float


def benchmark(settings: Settings) -> Outcome:
    """How far the sizes lie apart."""
    parts = [_case(name, settings) for name in settings.wanted(CASES)]
    return together(f"Scaling from {SIZES[0]:,} to {SIZES[-1]:,} samples: spread and growth", parts)


def spread(per_sample: list[float]) -> float:
    """Per cent by which the slowest is above the fastest."""
    return 100 * (max(per_sample) / min(per_sample) - 1)


def _case(name: str, settings: Settings) -> Outcome:
    case = NETWORKS[name](IMAGES, settings.data)
    with tempfile.TemporaryDirectory(prefix="lavarobust-") as folder:
        path = Path(folder) / "frames.npy"
        frames = np.lib.format.open_memmap(
            path, "w+", case.stimulus.frames.dtype, (SIZES[-1], *case.stimulus.frames.shape[1:])
        )
        for first in range(0, SIZES[-1], IMAGES):
            frames[first : first + IMAGES] = case.stimulus.frames
        frames.flush()
        del frames
        rounds = min(ROUNDS, settings.repeats)
        sliced: dict[int, list[Size]] = {size: [] for size in SIZES}
        for round_ in range(rounds):
            for size in SIZES:
                say(f"scaling: {name}, {size} samples, round {round_ + 1} of {rounds}")
                sliced[size].append(_fresh(name, path, size, SLICE))
        say(f"scaling: {name}, in one call")
        whole = [_fresh(name, path, size, size) for size in ONE_CALL]
    times = {size: timing([run.milliseconds for run in runs]) for size, runs in sliced.items()}
    peaks = {size: float(np.median([run.peak for run in runs])) for size, runs in sliced.items()}
    growth = max(peaks.values()) - peaks[SIZES[0]]
    per_sample = [measured.median for measured in times.values()]
    lines = [
        f"{name}, {size:,} samples: {times[size].median:.4g} ms a sample ({times[size].lowest:.4g} to "
        f"{times[size].highest:.4g}), peak {peaks[size]:,.0f} MiB, "
        f"{sliced[size][0].before:,.0f} before the run, {sliced[size][0].stimulus:.1f} of input at a time"
        for size in SIZES
    ]
    small, large = whole
    lines.append(
        f"{name}, one call: peak {small.peak:,.0f} MiB with {small.samples:,} and {large.peak:,.0f} with "
        f"{large.samples:,} samples ({small.stimulus:,.0f} and {large.stimulus:,.0f} of input): "
        f"{1024 * (large.peak - small.peak) / (large.samples - small.samples):.3g} KiB a sample, of which "
        f"{1024 * large.stimulus / large.samples:.3g} input and the rest mostly counts of every step"
    )
    return Outcome(
        name,
        figures=(
            Figure(
                f"{name}, time per sample, slowest above fastest", spread(per_sample), "%", TIME_BAR, True
            ),
            Figure(f"{name}, peak memory above that of {SIZES[0]:,}", growth, "MiB", MEMORY_BAR, True),
        ),
        timings={f"{name}, {size} samples": measured for size, measured in times.items()},
        notes=(f"{name}: {case.inputs}, handed over {SLICE} at a time from a mapped file", *lines),
    )


def _fresh(name: str, path: Path, samples: int, at_once: int) -> Size:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scaling", name, str(path), str(samples), str(at_once)]
    command.append(str(torch.get_num_threads()))
    finished = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command[1:])} failed:\n{finished.stderr}")
    return Size(**json.loads(finished.stdout.splitlines()[-1]))


def measure(name: str, path: Path, samples: int, at_once: int) -> Size:
    """Run the first samples of a file of frames after a warm-up of one slice."""
    case, simulator = NETWORKS[name](1, None), Simulator()
    steps = case.stimulus.steps
    model, readout = case.model, case.readout

    def slice_of(first: int, last: int) -> Stimulus:
        # opened anew each time, so that pages already read do not stay resident
        return Stimulus(np.array(np.load(path, mmap_mode="r", allow_pickle=False)[first:last]), steps)

    def once() -> Record:
        stimuli = (slice_of(first, first + at_once) for first in range(0, samples, at_once))
        return joined((simulator.run(model, stimulus, readout) for stimulus in stimuli), samples)

    simulator.run(model, slice_of(0, SLICE), readout)
    forget_peak()
    before = peak()
    taken = [clocked(once) for _ in range(max(1, PASSES * SIZES[0] // samples))]
    held = slice_of(0, min(at_once, samples)).frames.nbytes
    return Size(samples, timing(taken).median / samples, peak(), before, held / 2**20)


def main() -> None:
    """One measurement, for :func:`benchmark`: a line of JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("path", type=Path)
    for number in ("samples", "at_once", "threads"):
        parser.add_argument(number, type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    measured = measure(arguments.name, arguments.path, arguments.samples, arguments.at_once)
    print(json.dumps(vars(measured)))


if __name__ == "__main__":
    main()
