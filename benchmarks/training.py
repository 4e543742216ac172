"""One training step, forward and backward: our blocks against stock ``slayer.block.cuba`` ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from benchmarks.measure import Timing, in_turn, table
from lavarobust.snn.block import BlockSettings, ConvBlock, DenseBlock

# the import of lavarobust.snn has prepared this one
from lava.lib.dl import slayer  # isort: skip

BATCH = 32
NETWORK = "28x28 conv8-conv16s2-10"
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
            "threshold": parameters.threshold / 64,
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


def compare(steps: int, repeats: int) -> dict[str, Timing]:
    """Timings of a step of both networks, after seeing that they spike alike."""
    generator = torch.Generator().manual_seed(0)
    ours = our_blocks(generator)
    stock = stock_blocks(ours)
    frames = (torch.rand(steps, BATCH, 1, 28, 28, generator=generator) < 0.3).float()
    time_last = frames.movedim(0, -1).contiguous()
    with torch.no_grad():
        made = spikes_of_ours(ours, frames)
        assert torch.equal(made.movedim(0, -1), spikes_of_stock(stock, time_last)), "spikes differ"
        assert 0.005 < made.mean() < 0.95
    return in_turn(
        {
            "stock": partial(step, stock, spikes_of_stock, time_last),
            "our": partial(step, ours, spikes_of_ours, frames),
        },
        repeats,
    )


def benchmark(repeats: int) -> tuple[str, dict[str, Timing], dict[str, float]]:
    """A printed table, timings by name, and ratios to stock blocks."""
    timings: dict[str, Timing] = {}
    ratios: dict[str, float] = {}
    rows: list[list[object]] = []
    for steps in (8, 16):
        name = f"{NETWORK}, batch {BATCH}, T={steps}"
        taken = compare(steps, repeats)
        for blocks, timing in taken.items():
            timings[f"{name}, {blocks} blocks"] = timing
            ratios[f"{name}, {blocks} blocks"] = faster = taken["stock"].median / timing.median
            rows.append([name, f"{blocks} blocks", timing.median, timing.lowest, timing.highest, faster])
    header = ["network", "blocks", "median, ms", "lowest", "highest", "times faster"]
    return table("Training step, forward and backward", header, rows), timings, ratios
