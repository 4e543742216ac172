"""Stochastic gates: a neuron's spike is sent with a probability of the neuron's own.

After StoG (Ding, Yu, Huang & Liu, AAAI 2024, Eq. 12-14): ``s' = G s`` with ``G ~ Bernoulli(p)``,
independent per neuron, step and sample; the reset acts on the ungated spike. In integers a spike is
sent where a draw of 16 bits is below ``opening = round(65536 p)``, which makes p = 1 exact. With
``U = (draw + 1/2) / 65536`` that is the paper's sampling form ``G = H(logit p - logit U)``: the paper
adds ``logit U``, and 1 - U is as uniform as U.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from lavarobust.draws import Keys, check_key
from lavarobust.dynamics.philox import WORDS_PER_BLOCK, fill_words
from lavarobust.dynamics.sharing import share_out
from lavarobust.errors import SettingsError
from lavarobust.netx.limits import GATE_UNITY

TEMPERATURE = 0.5
"""Of the relaxed gate (``STOG: models/inhibition.py``)."""

LOGIT_MARGIN = 1e-3
"""Keeps both logits finite (ibid.)."""

_DRAWS_PER_WORD = 4
_SMALL = 1 << 14
"""Fewer words than this are made before a second thread has begun."""


def gate_draws(seed: int, stream: int, keys: Keys, steps: int, neurons: int) -> np.ndarray:
    """``(N, T, neurons)`` uint16 draws, neurons in (C, H, W) order; a longer window begins with a shorter.

    They are the quarters of a sample's :func:`lavarobust.draws.random_words`, the lowest first.

    Args:
        seed: of the model's gates.
        stream: the layer's own number, from 1.
        keys: samples and repetition.

    Raises:
        SettingsError: a key is not in 0 .. 2**64 - 1.
    """
    for name, value in (("seed", seed), ("stream", stream), ("draw", keys.draw), *_ends(keys.indices)):
        check_key(name, value)
    samples, count = len(keys.indices), steps * neurons
    blocks = -(-count // (WORDS_PER_BLOCK * _DRAWS_PER_WORD))
    words = np.empty((samples, blocks * WORDS_PER_BLOCK), dtype=np.uint64)
    key = (np.uint64(seed), np.uint64(stream), np.uint64(keys.draw))
    fill = partial(fill_words, *key, keys.indices.astype(np.uint64), words)
    if words.size < _SMALL:
        fill(0, samples)
    else:
        share_out(fill, samples)
    draws = words.astype("<u8", copy=False).view("<u2")
    return draws[:, :count].reshape(samples, steps, neurons)


def _ends(indices: np.ndarray) -> tuple[tuple[str, int], ...]:
    """The smallest and the largest index, named for errors."""
    return (("index", int(indices.min())), ("index", int(indices.max()))) if len(indices) else ()


def openings(probability: np.ndarray) -> np.ndarray:
    """int32 openings 0..65536 of probabilities, halves rounded to even."""
    rounded: np.ndarray = np.rint(np.asarray(probability, dtype=np.float64) * GATE_UNITY).astype(np.int32)
    return rounded


def opened(draws: np.ndarray, opening: np.ndarray) -> np.ndarray:
    """Bool in the shape of ``draws``: which gates let a spike pass."""
    passes: np.ndarray = draws < opening
    return passes


def gated(
    spikes: torch.Tensor, probability: torch.Tensor, draws: np.ndarray, gradient: str = "concrete"
) -> torch.Tensor:
    """Spikes that are sent, differentiable in spikes and probabilities.

    A spike's gradient passes an open gate and no closed one. A probability's is that of the relaxed
    gate ``sigmoid((logit p - logit U) / 0.5)`` (Maddison et al. 2017). Its expectation is not the
    exact derivative 1 of the mean transmission: it is 0.86 at p = 0.5, 1.12 at 0.1 and 0.9 and 1.44 at
    0.99, always positive.

    Args:
        spikes: ``(T, N, *shape)``.
        probability: ``(*shape)`` in [0, 1].
        draws: ``(N, T, neurons)`` of :func:`gate_draws`.
        gradient: of the probabilities; one of :data:`GATE_GRADIENTS`.

    Raises:
        SettingsError: another gradient.
    """
    if gradient not in GATE_GRADIENTS:
        raise SettingsError(
            f"gate gradient {gradient!r} is unknown. Choose from: {', '.join(GATE_GRADIENTS)}"
        )
    result: torch.Tensor = _Gated.apply(spikes, probability, draws, gradient)
    return result


def _concrete(total: torch.Tensor, steps: int, samples: int) -> torch.Tensor:
    return total


def _released(total: torch.Tensor, steps: int, samples: int) -> torch.Tensor:
    return -total / (steps * samples)


GATE_GRADIENTS: dict[str, Callable[[torch.Tensor, int, int], torch.Tensor]] = {
    "concrete": _concrete,
    "released": _released,
}
"""``concrete`` sums over steps and samples, as the loss asks (a mean loss divides by the samples
already). ``released`` is what the paper's code does: the opposite sign, and a mean over steps and samples."""


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, spikes, probability, draws, gradient):  # type: ignore[no-untyped-def]
        shape = probability.shape
        opening = openings(probability.detach().cpu().numpy()).reshape(-1)
        mask = torch.from_numpy(opened(draws, opening)).to(spikes.device)
        mask = mask.transpose(0, 1).unflatten(2, shape)
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(spikes, probability, mask)
            ctx.draws, ctx.gradient = draws, gradient
        return spikes * mask

    @staticmethod
    def backward(ctx, d_sent):  # type: ignore[no-untyped-def]
        spikes, probability, mask = ctx.saved_tensors
        d_probability = None
        if ctx.needs_input_grad[1]:
            total = torch.zeros_like(probability)
            for step, (spiked, slope) in enumerate(zip(spikes, d_sent, strict=True)):
                draws = torch.from_numpy(ctx.draws[:, step].astype(np.int32)).to(probability)
                relaxed = _relaxed_slope(probability, draws.unflatten(1, probability.shape))
                total += (spiked * slope * relaxed).sum(0)
            d_probability = GATE_GRADIENTS[ctx.gradient](total, *spikes.shape[:2])
        return d_sent * mask, d_probability, None, None


def _relaxed_slope(probability: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """Derivative of the relaxed gates in their probabilities; finite also at 0 and 1."""
    uniform = (draws + 0.5) / GATE_UNITY
    soft = torch.sigmoid((_logit(probability) - _logit(uniform)) / TEMPERATURE)
    steepness = 1 / (probability + LOGIT_MARGIN) + 1 / (1 - probability + LOGIT_MARGIN)
    return soft * (1 - soft) / TEMPERATURE * steepness


def _logit(values: Any) -> Any:
    return torch.log(values + LOGIT_MARGIN) - torch.log(1 - values + LOGIT_MARGIN)
