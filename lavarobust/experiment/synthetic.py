"""Spikes of a chosen rate, for a model whose data are not at hand: what it would cost were it driven so."""

from __future__ import annotations

import numpy as np

from lavarobust.errors import SettingsError
from lavarobust.netx.model import Input, Model
from lavarobust.record import Stimulus

SAMPLES = 32
"""Windows of spikes, where nobody says how many."""


def synthetic_spikes(model: Model, steps: int, rate: float, samples: int, seed: int = 0) -> Stimulus:
    """Independent spikes: each input in each step with the same probability.

    Args:
        model: whose first layer has synapses.
        steps: T.
        rate: spikes per input and step, 0..1.
        samples: N.
        seed: of the draws.

    Raises:
        SettingsError: a rate that is none, no sample, or a model that takes images as biases.
    """
    if not 0 <= rate <= 1:
        raise SettingsError(f"--synthetic {rate}: a rate is spikes per input and step, 0 to 1.")
    if samples < 1:
        raise SettingsError(f"--limit {samples}: at least one window is needed.")
    if isinstance(model.populations[0][1], Input):
        raise SettingsError(
            f"--synthetic {rate}: {model.name} takes an image as biases of its first layer, and no spikes. "
            "Give images"
        )
    rng = np.random.default_rng(seed)
    frames = rng.random((samples, *model.input_shape, steps)) < rate
    return Stimulus(frames.astype(np.int32), steps, graded=False)


def words_for(rate: float, samples: int) -> str:
    """Where such input comes from, as reports say it."""
    return f"synthetic input, {samples} windows with {rate:g} spikes per input and step (seed 0), no data"
