"""The simulator against snnTorch's and SpikingJelly's inference: one network, one input, no gradients.

Each library runs as its documentation runs networks on a CPU, and compiled by ``torch.compile`` too where
that works; the faster of both is its figure. All three are given spikes in their own form, ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from benchmarks.execution import rates
from benchmarks.float_networks import LIBRARIES, RUNNERS, Runner, conv_net, installed, mlp
from benchmarks.inputs import SEED, digits
from benchmarks.measure import in_turn
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.encoding import encode
from lavarobust.execution.simulator import Simulator
from lavarobust.netx import Encoding, Model
from lavarobust.record import Stimulus

BATCHES = (1, 256)
BAR = 1.0
ALONE_CALLS = 10
"""Times more rounds for batch 1, which is over in a few milliseconds."""

NETWORKS = {"mlp": (mlp, 32), "conv": (conv_net, 16)}
"""By case: what makes the network, and T."""

CASES = tuple(NETWORKS)


@dataclass(frozen=True)
class Way:
    """A way of a library to run the network.

    Attributes:
        library: by its package's name.
        name: with how, to print.
        run: from spikes to counts.
    """

    library: str
    name: str
    run: Runner


def benchmark(settings: Settings) -> Outcome:
    """Times as fast as each library at its fastest."""
    versions = {library: installed(library) for library in LIBRARIES}
    missing = tuple(
        f"{library} is not installed; `pip install --no-deps -r requirements/bench.txt` does it"
        for library, version in versions.items()
        if version is None
    )
    parts = [Outcome("", skipped=missing)]
    libraries = [library for library, version in versions.items() if version]
    for case in settings.wanted(CASES):
        for batch in BATCHES:
            say(f"comparison: {case}, batch {batch}")
            parts.append(compare(case, batch, libraries, settings))
    notes = [", ".join(f"{library} {version or 'missing'}" for library, version in versions.items())]
    notes.append(f"torch {torch.__version__}, {torch.get_num_threads()} threads, no_grad")
    return together("Simulator against other libraries' inference: times as fast", parts, notes)


def compare(case: str, batch: int, libraries: list[str], settings: Settings) -> Outcome:
    """All ways of running one network, in turn."""
    make, steps = NETWORKS[case]
    model = make()
    images, inputs = digits(settings.data, batch)
    stimulus = encode(Encoding("rate", seed=SEED), images, steps, np.arange(batch))
    stimulus = Stimulus(stimulus.frames.reshape(batch, *model.input_shape, steps), steps)
    frames = torch.from_numpy(np.moveaxis(stimulus.frames, -1, 0).astype(np.float32).copy())
    simulator, title = Simulator(), f"{case}, batch {batch}"
    torch.compiler.reset()  # what was compiled for another network or batch counts towards torch's limit
    record = simulator.run(model, stimulus)
    ways, failures, skipped = [], [], []
    for way in _ways(model, libraries):
        try:
            counts = _without_gradients(way.run, frames).numpy()
        except Exception as error:
            skipped.append(f"{title}, {way.name}: {type(error).__name__}: {str(error).splitlines()[0][:100]}")
            continue
        wrong = int((counts != record.output_counts).sum())
        if wrong:
            failures.append(f"{title}, {way.name}: {wrong} of {counts.size} spike counts differ")
        ways.append(way)
    if not record.output_counts.any():
        failures.append(f"{title}: no output neuron spikes, which compares nothing")
    calls = {way.name: partial(_without_gradients, way.run, frames) for way in ways}
    ours = "simulator"
    repeats = settings.repeats * (ALONE_CALLS if batch == 1 else 1)
    taken = in_turn({ours: partial(simulator.run, model, stimulus), **calls}, repeats)
    figures = []
    for library in libraries:
        names = [way.name for way in ways if way.library == library]
        if not names:
            failures.append(f"{title}: {library} runs in no way")
            continue
        fastest = min(names, key=lambda name: taken[name].median)
        ratio = taken[fastest].median / taken[ours].median
        figures.append(Figure(f"{title}, against {fastest}", ratio, bar=BAR))
    return Outcome(
        title,
        figures=tuple(figures),
        timings={f"{title}, {name}": timing for name, timing in taken.items()},
        notes=(
            f"{title}: T = {steps}, {inputs} as spikes; ms a batch: "
            + ", ".join(f"{name} {timing.median:.4g}" for name, timing in taken.items()),
            f"{title}: {model.name}, input {stimulus.frames.mean():.1%}, spiking in a step {rates(record)}; "
            f"all {record.output_counts.size} output counts equal"
            if not failures
            else f"{title}: {model.name}",
        ),
        failures=tuple(failures),
        skipped=tuple(skipped),
    )


def _ways(model: Model, libraries: list[str]) -> list[Way]:
    return [
        Way(library, f"{library}{', compiled' if compiled else ''}", RUNNERS[library](model, compiled))
        for library in libraries
        for compiled in (False, True)
    ]


def _without_gradients(run: Runner, frames: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return run(frames)
