"""One network with its input, drawn from a seed; the registry of the kinds that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.parity import convolutional, dense, residual, sigma_delta
from benchmarks.parity.extended import extended
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import Stimulus

Generator = Callable[[np.random.Generator], tuple[Model, Stimulus, ReadoutKind]]

GENERATORS: dict[str, Generator] = {
    "dense": dense.random_model,
    "convolutional": convolutional.random_model,
    "sigma-delta": sigma_delta.random_model,
    "residual": residual.random_model,
}
"""Network i is drawn by generator i modulo their number. Append only: a seed's networks stay what they were
as long as the number of generators does."""


@dataclass(frozen=True, eq=False)
class Trial:
    """What both sides run.

    Attributes:
        model: its layers as the file holds them, whatever the loader makes of them.
        stimulus: what it is shown.
        readout: ``membrane`` or ``spike_count``.
        fast_convolution, sparse_fc_layer: how Lava runs it.
    """

    model: Model
    stimulus: Stimulus
    readout: ReadoutKind
    fast_convolution: bool = False
    sparse_fc_layer: bool = False


def draw(seed: int, index: int) -> Trial:
    """Network ``index`` of a seed; needs none of the others."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]))
    generators = list(GENERATORS.values())
    model, stimulus, readout = generators[index % len(generators)](rng)
    fast, sparse = rng.random(2) < 0.5
    model, stimulus = extended(rng, model, stimulus)
    return Trial(model, stimulus, readout, bool(fast), bool(sparse))
