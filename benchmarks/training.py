"""One training step, forward and backward: our blocks against stock ``slayer.block.cuba`` ones.

Time is taken in turn in this process, some steps of a side at a time, memory in a process of its own for each
side: what is resident at most during steps above what was before, all code loaded and compiled, network and
inputs made.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch

from benchmarks.measure import SETTLING, in_a_row, rounds
from benchmarks.memory import answer, forget_peak, in_a_fresh_process, peak
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.snn.block import ConvBlock, DenseBlock
from lavarobust.snn.settings import BlockSettings

# the import of lavarobust.snn has prepared this one
from lava.lib.dl import slayer  # isort: skip

BATCH = 32
NETWORK = "28x28 conv8-conv16s2-10"
BARS = {8: 4.0, 16: 6.0}
"""Steps, and how many times faster than stock blocks a step has to be."""

IN_A_ROW = 4
"""Steps of one side that are timed before the other's turn, as in training."""

MEMORY_BAR = 2.0
MEMORY_STEPS = 3
"""Training steps during which the peak is taken."""

ROUNDS = 3
"""Processes for each side at most."""

SIDES = ("stock", "our")
SETTINGS = BlockSettings(batch_norm=False, voltage_decay=256)


def our_blocks(generator: torch.Generator) -> list[ConvBlock | DenseBlock]:
    blocks: list[ConvBlock | DenseBlock] = [
        ConvBlock(1, 8, 3, SETTINGS, generator, padding=1),
        ConvBlock(8, 16, 3, SETTINGS, generator, stride=2, padding=1),
        DenseBlock(16 * 14 * 14, 10, SETTINGS, generator),
    ]
    for block in blocks:
        block.freeze()
    return blocks


def stock_blocks(ours: list[ConvBlock | DenseBlock]) -> list[torch.nn.Module]:
    """The same network: weights, thresholds and decays in SLAYER's units of 1/64 and 1/4096."""
    made = []
    for block, build in zip(
        ours,
        (
            lambda neuron: slayer.block.cuba.Conv(neuron, 1, 8, 3, padding=1, delay_shift=False),
            lambda neuron: slayer.block.cuba.Conv(neuron, 8, 16, 3, stride=2, padding=1, delay_shift=False),
            lambda neuron: slayer.block.cuba.Dense(neuron, 16 * 14 * 14, 10, delay_shift=False),
        ),
        strict=True,
    ):
        parameters = block.parameters_now()
        neuron = {
            "threshold": parameters.scalars.threshold / 64,
            "current_decay": float(block.neuron.current_decay) / 4096,
            "voltage_decay": float(block.neuron.voltage_decay) / 4096,
        }
        made.append(build(neuron))
        with torch.no_grad():
            made[-1].synapse.weight.copy_(parameters.weight / 64)
    return made


def spikes_of_ours(blocks: list[ConvBlock | DenseBlock], frames: torch.Tensor) -> torch.Tensor:
    """Time first, as our networks run: ``(T, N, 10)`` of ``(T, N, C, H, W)``."""
    for block in blocks:
        frames = block.run(frames, len(frames))[0].spikes
    return frames


def spikes_of_stock(blocks: list[torch.nn.Module], frames: torch.Tensor) -> torch.Tensor:
    """Time last, as SLAYER runs: ``(N, 10, T)`` of ``(N, C, H, W, T)``."""
    for block in blocks[:-1]:
        frames = block(frames)
    return blocks[-1](frames.flatten(1, 3))


def step(blocks: Sequence[torch.nn.Module], forward: Callable, frames: torch.Tensor) -> None:
    for block in blocks:
        block.zero_grad()
    forward(blocks, frames).square().mean().backward()


def both(steps: int, batch: int = BATCH) -> dict[str, Callable[[], object]]:
    """A step of each side, after seeing that they spike alike.

    Raises:
        AssertionError: they do not, or hardly anything spikes.
    """
    generator = torch.Generator().manual_seed(0)
    ours = our_blocks(generator)
    stock = stock_blocks(ours)
    frames = (torch.rand(steps, batch, 1, 28, 28, generator=generator) < 0.3).float()
    time_last = frames.movedim(0, -1).contiguous()
    with torch.no_grad():
        made = spikes_of_ours(ours, frames)
        assert torch.equal(made.movedim(0, -1), spikes_of_stock(stock, time_last)), "spikes differ"
        assert 0.005 < made.mean() < 0.95
    return {
        "stock": partial(step, stock, spikes_of_stock, time_last),
        "our": partial(step, ours, spikes_of_ours, frames),
    }


def benchmark(settings: Settings) -> Outcome:
    """How many times faster our step is, and how much less memory it needs."""
    parts = [_case(steps, settings) for steps in BARS]
    return together("Training step, forward and backward: our blocks to stock SLAYER's", parts)


def _case(steps: int, settings: Settings) -> Outcome:
    name = f"{NETWORK}, batch {BATCH}, T={steps}"
    say(f"training: {name}, time")
    taken = rounds({side: partial(settled, call) for side, call in both(steps).items()}, settings.repeats)
    processes = min(ROUNDS, settings.repeats)
    grown: dict[str, list[float]] = {side: [] for side in SIDES}
    for process in range(processes):
        say(f"training: {name}, memory, round {process + 1} of {processes}")
        for side in SIDES:
            grown[side].append(in_a_fresh_process("benchmarks.training", side, steps))
    memory = {side: statistics.median(values) for side, values in grown.items()}
    notes = [
        f"{name}, {side} blocks: {taken[side].median:.3g} ms ({taken[side].lowest:.3g} to "
        f"{taken[side].highest:.3g}), {memory[side]:.3g} MiB at most ({min(grown[side]):.3g} to "
        f"{max(grown[side]):.3g})"
        for side in SIDES
    ]
    lowest = taken["stock"].lowest / taken["our"].lowest
    return Outcome(
        name,
        figures=(
            Figure(f"{name}, faster", taken["stock"].median / taken["our"].median, "x", BARS[steps]),
            Figure(f"{name}, faster, lowest to lowest", lowest),
            Figure(f"{name}, less peak memory", memory["stock"] / memory["our"], "x", MEMORY_BAR),
        ),
        timings={f"{name}, {side} blocks": taken[side] for side in SIDES},
        notes=tuple(notes),
    )


def settled(call: Callable[[], object]) -> float:
    """Milliseconds of a step among steps of its own side, as in training; the first is not counted."""
    time.sleep(SETTLING)
    call()
    return in_a_row(call, IN_A_ROW)


def growth(side: str, steps: int) -> float:
    """MiB that training steps of one side need above what was resident before them."""
    both(steps, batch=1)[side]()
    call = _alone(side, steps)
    forget_peak()
    before = peak()
    for _ in range(MEMORY_STEPS):
        call()
    return peak() - before


def _alone(side: str, steps: int) -> Callable[[], object]:
    """A step of one side, without the other having run on this batch."""
    generator = torch.Generator().manual_seed(0)
    ours = our_blocks(generator)
    frames = (torch.rand(steps, BATCH, 1, 28, 28, generator=generator) < 0.3).float()
    if side == "our":
        return partial(step, ours, spikes_of_ours, frames)
    return partial(step, stock_blocks(ours), spikes_of_stock, frames.movedim(0, -1).contiguous())


if __name__ == "__main__":
    answer(SIDES, growth)
