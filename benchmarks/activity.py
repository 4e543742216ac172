"""From which input activity a dense layer of spikes would be better off as a matrix product.

The simulator adds a row of weights for every spike, or for every silent input where those are fewer, so
its time follows activity; a product's does not. A product would also need its spikes unpacked to bytes
and its sums written and read again, which is not counted against it here.
"""

from __future__ import annotations

import torch

from benchmarks.layers import TYPICAL_STEPS, typical, window
from benchmarks.limit import BATCH, multiply, rate
from benchmarks.measure import in_turn
from benchmarks.outcome import Figure, Outcome
from benchmarks.settings import Settings, say

ACTIVITIES = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8)
LAYER = "0 dense 784->256"
REPEATS = 9


def benchmark(settings: Settings) -> Outcome:
    """The layer's speed in per cent of the 8-bit product's, for every activity."""
    layer = typical()[LAYER]
    figures, timings, notes = [], {}, []
    for activity in ACTIVITIES:
        say(f"activity: {LAYER}, {activity:.0%}")
        made = window(layer, BATCH, TYPICAL_STEPS, activity)
        assert made is not None
        calls = {"layer": made.from_words, "int8": multiply(made.product, torch.int8, made.product.m)}
        taken = in_turn(calls, max(settings.repeats, REPEATS))
        speed = {name: rate(made.product, timing) for name, timing in taken.items()}
        title = f"{LAYER[2:]}, {activity:.0%} of inputs spike"
        figures.append(Figure(title, 100 * speed["layer"] / speed["int8"], "%", None))
        timings |= {f"{title}, {name}": timing for name, timing in taken.items()}
        notes.append(f"{title}: layer {speed['layer']:.4g}, int8 {speed['int8']:.4g} GMAC/s")
    title = "A dense layer against the 8-bit product, by input activity"
    return Outcome(title, figures=tuple(figures), timings=timings, notes=tuple(notes))
