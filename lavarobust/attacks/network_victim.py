"""A torch module as a victim: a network as it trains, quantised or in float, or any classifier."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from lavarobust.attacks.victim import DEFAULT_CHUNK, ChunkedVictim

Forward = Callable[[torch.Tensor, np.ndarray, int], torch.Tensor]


class NetworkVictim(ChunkedVictim):
    """White-box view of a module, in evaluation mode; its modes and flags are put back after each call.

    Its gradients are the module's own. For another gradient rule attack the model that it is deployed as,
    with :class:`lavarobust.attacks.IntegerVictim`.

    Args:
        module: maps images ``(N, C, H, W)`` in [0, 1] to logits ``(N, classes)``; where its ``forward``
            has an argument ``indices``, it is called as ``module(images, indices, draw)``.
        forward: ``(images, indices, draw) -> logits`` instead of calling the module, e.g.
            ``lambda *call: network.activity(*call, quantised=False).logits`` for the float network.
        name, chunk, threads: as :class:`ChunkedVictim` has them.
        stochastic: whether ``draw`` changes the answer; None asks the module's own ``stochastic``, and takes
            a module without one to draw nothing.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        forward: Forward | None = None,
        name: str = "network",
        stochastic: bool | None = None,
        chunk: int = DEFAULT_CHUNK,
        threads: int = 1,
    ) -> None:
        if stochastic is None:
            stochastic = bool(getattr(module, "stochastic", False))
        super().__init__(name, stochastic, chunk, threads)
        self.module = module
        self._forward = forward or _forward_of(module)

    def _scores(self, images: torch.Tensor, indices: np.ndarray, draw: int) -> torch.Tensor:
        return self._forward(images, indices, draw)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with super()._computing(), evaluating(self.module):
            yield


@contextmanager
def evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode and no parameter gradients inside; every submodule's own settings afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    flags = [(parameter, parameter.requires_grad) for parameter in module.parameters()]
    module.eval()
    module.requires_grad_(False)
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training
        for parameter, required in flags:
            parameter.requires_grad_(required)


def _forward_of(module: torch.nn.Module) -> Forward:
    if "indices" in inspect.signature(module.forward).parameters:
        return lambda images, indices, draw: module(images, indices, draw)
    return lambda images, indices, draw: module(images)
