"""A feed-forward spiking network of SLAYER blocks, from pixels to logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import TypeVar, cast

import numpy as np
import torch

from lavarobust.draws import Keys
from lavarobust.dynamics import Surrogate, Trajectory
from lavarobust.dynamics.gate import gate_draws, opened, openings
from lavarobust.encoding.straight_through import encode_straight_through
from lavarobust.netx.deployment import Encoding, ReadoutKind
from lavarobust.netx.limits import STATE_SHIFT
from lavarobust.netx.mean_image import MeanImage
from lavarobust.snn.architecture import LayerSpec
from lavarobust.snn.block import Block
from lavarobust.snn.build import build_blocks
from lavarobust.snn.folding import LayerParameters
from lavarobust.snn.gate import GateOptions, StochasticGate
from lavarobust.snn.scalars import NeuronOptions
from lavarobust.snn.signal import Signal

Shape = tuple[int, ...]
Sent = TypeVar("Sent")

DROPOUT_STREAM = 1 << 32
"""Of the draws of the first block's dropout; gates have the numbers below."""


@dataclass(frozen=True, eq=False)
class Activity:
    """One forward pass.

    Attributes:
        logits: ``(N, classes)``: mean drive of a membrane readout in units of the threshold, or
            spike counts.
        trajectories: per block, spikes sent ``(T, N, *shape)`` and counts.
    """

    logits: torch.Tensor
    trajectories: tuple[Trajectory, ...]


class SpikingNetwork(torch.nn.Module):
    """Blocks, encoder and readout; ``forward`` maps images to logits through device integers.

    Args:
        layers: architecture; the last must be dense.
        input_shape: ``(C, H, W)`` of an image.
        steps: T.
        encoding: how pixels become integers.
        readout: ``membrane`` (a last layer that can't spike) or ``spike_count``.
        surrogate: derivative of a spike, in every block.
        generator: source of the initial weights.
        gate: puts a stochastic gate behind every population but the last; None for none.
        neuron: reset, threshold and leak of every spiking population.

    Raises:
        SettingsError: an architecture that does not fit the input, naming the layer.
    """

    def __init__(
        self,
        layers: tuple[LayerSpec, ...],
        input_shape: Shape,
        steps: int,
        encoding: Encoding,
        readout: ReadoutKind,
        surrogate: Surrogate,
        generator: torch.Generator,
        gate: GateOptions | None = None,
        neuron: NeuronOptions = NeuronOptions(),  # noqa: B008 (it is frozen)
    ) -> None:
        super().__init__()
        self.input_shape, self.steps = input_shape, steps
        self._encoding, self.readout = encoding, readout
        mean = encoding.mean_image if encoding.kind == "signed_rate" else None
        self.mean_image: torch.Tensor | None
        self.register_buffer("mean_image", None if mean is None else torch.from_numpy(mean.pixels.copy()))
        placed = build_blocks(layers, input_shape, encoding, readout, surrogate, generator, neuron)
        self.blocks = torch.nn.ModuleList(part.block for part in placed)
        self.block_inputs = [part.input_shape for part in placed]
        self.sources = [part.source for part in placed]
        self.dropouts = [part.dropout for part in placed]
        self.second_in_block = [part.second for part in placed]
        if gate is not None:
            self._gate(gate)

    def forward(
        self,
        images: torch.Tensor,
        indices: np.ndarray | None = None,
        draw: int = 0,
        steps: int | None = None,
    ) -> torch.Tensor:
        """Logits ``(N, classes)`` of images ``(N, C, H, W)`` in [0, 1].

        Args:
            images: pixels; gradients reach them straight through the encoder's rounding.
            indices: ``(N,)`` index of each image in its data set, the key of an encoder's and a gate's draws.
            draw: repetition of those draws.
            steps: of this window, from rest; None for the network's own T.
        """
        return self.activity(images, indices, draw, steps=steps).logits

    def activity(
        self,
        images: torch.Tensor,
        indices: np.ndarray | None = None,
        draw: int = 0,
        quantised: bool = True,
        steps: int | None = None,
    ) -> Activity:
        """As :meth:`forward`, with what every block did; ``quantised=False`` is the float network."""
        if indices is None:
            indices = np.arange(len(images))
        frames = self.encoded(images, indices, draw, steps)
        return self.response(frames, indices, draw, quantised, steps)

    def encoded(
        self,
        images: torch.Tensor,
        indices: np.ndarray,
        draw: int = 0,
        steps: int | None = None,
    ) -> torch.Tensor:
        """What the encoder makes of images ``(N, C, H, W)``, differentiable straight through.

        Args:
            indices, draw, steps: as :meth:`forward` has them.

        Returns:
            ``(F, N, C, H, W)`` integer-valued frames, time first.
        """
        return encode_straight_through(self.encoding, images, steps or self.steps, indices, draw)

    def response(
        self,
        frames: torch.Tensor,
        indices: np.ndarray,
        draw: int = 0,
        quantised: bool = True,
        steps: int | None = None,
    ) -> Activity:
        """What the blocks make of encoded frames ``(F, N, C, H, W)``, differentiable in them.

        Args:
            frames: integer-valued, as :meth:`encoded` gives them or as an attack on the encoding left them.
            indices, draw: key of what is drawn behind the encoder.
        """
        steps = steps or self.steps
        trajectories: list[Trajectory] = []
        scale, keys = 1.0, Keys(np.asarray(indices), draw)

        def visit(block: Block, arriving: Signal, beside: Signal | None) -> Signal:
            nonlocal scale
            trajectory, parameters = block.run(
                arriving.frames, steps, quantised, keys, arriving.units, beside
            )
            position, scale = len(trajectories), parameters.scale
            trajectories.append(trajectory)
            # sums that needed float64 need not make the next layers wide too
            sent = Signal(trajectory.spikes.float(), block.sent_units(parameters))
            return self._silenced(sent, position, keys)

        self.walk(Signal(frames), visit)
        last = trajectories[-1]
        if self.readout == "membrane":
            logits = last.end.potential.float() / (scale * (1 << STATE_SHIFT) * steps)
        else:
            logits = last.spikes.sum(0)
        return Activity(logits, tuple(trajectories))

    @property
    def encoding(self) -> Encoding:
        """How pixels become integers; a signed encoder's mean image is kept with the weights."""
        if self.mean_image is None:
            return self._encoding
        return replace(self._encoding, mean_image=MeanImage(self.mean_image.cpu().numpy()))

    @property
    def stack(self) -> tuple[Block, ...]:
        """The blocks in order, as what they are."""
        return cast("tuple[Block, ...]", tuple(self.blocks))

    def walk(self, first: Sent, visit: Callable[[Block, Sent, Sent | None], Sent]) -> Sent:
        """Let every block take what reaches it, in order; returns what the last one sends.

        Args:
            first: what reaches the first block.
            visit: gives what a block sends, of the block, what reaches it and what its shortcut brings.
        """
        sent: dict[int, Sent] = {}
        for position, (block, source) in enumerate(zip(self.stack, self.sources, strict=True)):
            arriving = sent[position - 1] if position else first
            sent[position] = visit(block, arriving, None if source is None else sent[source])
            for done in [one for one in sent if one < position and one not in self.sources[position + 1 :]]:
                del sent[done]
        return sent[len(self.sources) - 1]

    def parameters_now(self) -> tuple[LayerParameters, ...]:
        """Of every block, with running statistics: what evaluation runs and deployment writes."""
        made: list[LayerParameters] = []

        def visit(block: Block, units: float, beside: float | None) -> float:
            made.append(block.parameters_now(units=(units, beside or 1.0)))
            return block.sent_units(made[-1])

        self.walk(1.0, visit)
        return tuple(made)

    @property
    def stochastic(self) -> bool:
        """Whether a forward pass depends on its draw."""
        return self.encoding.drawn or any(block.gate is not None for block in self.stack)

    def freeze(self) -> None:
        """Fix every block's batch-norm statistics and integer scale."""

        def visit(block: Block, units: float, beside: float | None) -> float:
            both = (units, beside or 1.0)
            block.freeze(both)
            return block.sent_units(block.parameters_now(units=both))

        self.walk(1.0, visit)

    def constrain(self) -> None:
        """Bring thresholds and leaks back to what neurons can have, behind a step of an optimiser."""
        for block in self.stack:
            if block.scalars is not None:
                block.scalars.constrain()

    def _gate(self, options: GateOptions) -> None:
        """Put gates behind all neurons but the readout's, whose outputs are the next ones' inputs."""
        gated = zip(self.stack, self.block_inputs[1:], strict=False)
        for stream, (block, shape) in enumerate(gated, start=1):
            if block.settings.spiking:
                block.gate = StochasticGate(shape, stream, options)

    def kept_by_dropout(self, position: int, shape: Shape, keys: Keys) -> torch.Tensor | None:
        """Which neurons of a block a training pass leaves, ``(N, *shape)`` bool; None where it leaves all.

        They are drawn for each sample by its own keys, and are the same in all its steps.
        """
        dropout = self.dropouts[position]
        if not (self.training and dropout):
            return None
        draws = gate_draws(self.encoding.seed, DROPOUT_STREAM + position, keys, 1, prod(shape))
        return torch.from_numpy(opened(draws, openings(np.array(1 - dropout)))).view(-1, *shape)

    def _silenced(self, sent: Signal, position: int, keys: Keys) -> Signal:
        kept = self.kept_by_dropout(position, sent.frames.shape[2:], keys)
        if kept is None:
            return sent
        # spikes stay 0 or 1; that those left count for more goes into the next layer's weights
        return Signal(sent.frames * kept.to(sent.frames), sent.units * (1 - self.dropouts[position]))
