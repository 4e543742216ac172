"""The simulator against stock Lava, on the same models and inputs: milliseconds per sample, equal outputs."""

from __future__ import annotations

from functools import partial

from benchmarks.measure import clocked, rounds
from benchmarks.networks import NETWORKS, Case
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from benchmarks.stock import differences, outputs, run_stock
from lavarobust.execution.simulator import Simulator
from lavarobust.record import Record, Stimulus

BATCH = 256
BATCH_BARS = {"tiny": 1500.0, "mnist": 400.0, "pilotnet_lif": 400.0, "conv": 300.0, "pilotnet_sdnn": 100.0}
ALONE_BAR = 40.0
LAVA_SAMPLES = {"pilotnet_lif": 4, "pilotnet_sdnn": 4}
"""Samples that Lava runs; 32 of the others."""

CASES = tuple(BATCH_BARS)
_LAVA, _BATCH, _ALONE = "stock Lava", f"simulator, batch {BATCH}", "simulator, batch 1"


def benchmark(settings: Settings) -> Outcome:
    """Times as many samples a second as stock Lava, in a batch and alone."""
    parts = []
    for name in settings.wanted(CASES):
        say(f"execution: {name}")
        parts.append(compare(name, NETWORKS[name](BATCH, settings.data), settings.repeats))
    title = "Simulator against stock Lava streaming: times as fast, milliseconds per sample, medians"
    return together(title, parts)


def compare(name: str, case: Case, repeats: int) -> Outcome:
    """Equal outputs first, then speeds."""
    simulator, samples = Simulator(), LAVA_SAMPLES.get(name, 32)
    few = case.first(samples)
    record = simulator.run(case.model, few, case.readout, (case.model.populations[-1][0],))
    found = run_stock(case, few).outputs
    ours = outputs(record, case)
    wrong = differences(found, ours)
    record = simulator.run(case.model, case.stimulus, case.readout)
    failures = [f"{name}: {wrong} of {found.size} outputs differ from Lava's"] if wrong else []
    if not found.any():
        failures.append(f"{name}: Lava's outputs are all zero, which compares nothing")

    def alone() -> float:
        taken = [clocked(partial(simulator.run, case.model, one, case.readout)) for one in _each(few)]
        return sum(taken) / samples

    def batch() -> float:
        return clocked(partial(simulator.run, case.model, case.stimulus, case.readout)) / BATCH

    taken = rounds({_LAVA: lambda: run_stock(case, few).milliseconds, _BATCH: batch, _ALONE: alone}, repeats)
    lava = taken[_LAVA].median
    return Outcome(
        name,
        figures=(
            Figure(f"{name}, batch {BATCH}", lava / taken[_BATCH].median, bar=BATCH_BARS[name]),
            Figure(f"{name}, batch 1", lava / taken[_ALONE].median, bar=ALONE_BAR),
        ),
        timings={f"{name}, {call}": timing for call, timing in taken.items()},
        notes=(
            f"{name}: Lava {lava:.4g} ms ({taken[_LAVA].lowest:.4g} to {taken[_LAVA].highest:.4g}), batch "
            f"{taken[_BATCH].median:.4g} ms, alone {taken[_ALONE].median:.4g} ms; {samples} samples in Lava, "
            f"{wrong} of {found.size} outputs differ",
            f"{name}: T = {case.stimulus.steps}; {case.inputs}; neurons spiking in a step: {rates(record)}",
        ),
        failures=tuple(failures),
    )


def rates(record: Record) -> str:
    """Per layer the share of neurons that spike in a step, as text."""
    return ", ".join(f"{layer.spikes.mean() / layer.neurons:.1%}" for layer in record.layers)


def _each(stimulus: Stimulus) -> list[Stimulus]:
    return [stimulus.taken(slice(n, n + 1)) for n in range(stimulus.samples)]
