"""HIRE-SNN's training of a batch beside the traditional one: time, and peak memory (the paper's Fig. 7).

Both run the same T steps in all; HIRE-SNN in two periods, each with its own way back and its own update,
so that the states of half the steps are held at a time.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from benchmarks.measure import rounds
from benchmarks.memory import answer, forget_peak, in_a_fresh_process, peak
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from benchmarks.training import BATCH, settled
from lavarobust.defenses.hire import PeriodicNoise
from lavarobust.dynamics import Surrogate
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Batch, Objective, Vanilla

NETWORK = "28x28 conv8-conv16s2-10"
STEPS = (6, 8, 10)
"""T of the paper's VGG5, VGG11 and ResNet12."""

OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "traditional": Vanilla,
    "HIRE-SNN": partial(PeriodicNoise, 2, 0.03),
}
MEMORY_BATCHES = 3
PROCESSES = 3


def benchmark(settings: Settings) -> Outcome:
    """Seconds and MiB of HIRE-SNN's batch over those of the traditional one."""
    parts = [_case(steps, settings) for steps in STEPS]
    return together("Training a batch: HIRE-SNN's two periods to one window", parts)


def _case(steps: int, settings: Settings) -> Outcome:
    name = f"{NETWORK}, batch {BATCH}, T={steps}"
    say(f"periods: {name}")
    calls = {side: partial(settled, train_batch(side, steps)) for side in OBJECTIVES}
    taken = rounds(calls, settings.repeats)
    memory = {
        side: statistics.median(
            in_a_fresh_process("benchmarks.periods", side, steps)
            for _ in range(min(PROCESSES, settings.repeats))
        )
        for side in OBJECTIVES
    }
    plain, hire = OBJECTIVES
    return Outcome(
        name,
        figures=(
            Figure(f"{name}, time of a batch", taken[hire].median / taken[plain].median),
            Figure(f"{name}, peak memory", memory[hire] / memory[plain]),
        ),
        timings={f"{name}, {side}": taken[side] for side in OBJECTIVES},
        notes=tuple(
            f"{name}, {side}: {taken[side].median:.3g} ms, {memory[side]:.3g} MiB at most"
            for side in OBJECTIVES
        ),
    )


def train_batch(side: str, steps: int) -> Callable[[], None]:
    """One batch of training, updates and all, as the loop does it."""
    generator = torch.Generator().manual_seed(0)
    network = SpikingNetwork(
        parse_layers(["conv 8 3", "conv 16 3 2", "dense 10"]),
        (1, 28, 28),
        steps,
        Encoding("direct", 16),
        "membrane",
        Surrogate(),
        generator,
    ).train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-4)
    images = torch.rand(BATCH, 1, 28, 28, generator=generator)
    batch = Batch(images, torch.arange(BATCH) % 10, np.arange(BATCH), generator, 0)
    objective = OBJECTIVES[side]()

    def train() -> None:
        for loss in objective.losses(network, batch):
            optimiser.zero_grad(set_to_none=True)
            loss.value.backward()
            optimiser.step()

    return train


def growth(side: str, steps: int) -> float:
    """MiB that training needs above what was resident before it, all code compiled."""
    train_batch(side, steps)()
    call = train_batch(side, steps)
    forget_peak()
    before = peak()
    for _ in range(MEMORY_BATCHES):
        call()
    return peak() - before


if __name__ == "__main__":
    answer(OBJECTIVES, growth)
