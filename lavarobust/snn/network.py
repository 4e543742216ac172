"""A feed-forward spiking network of SLAYER blocks, from pixels to logits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch

from lavarobust.dynamics import Surrogate, Trajectory
from lavarobust.dynamics.gate import Keys
from lavarobust.encoding.straight_through import encode_straight_through
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding, ReadoutKind
from lavarobust.netx.limits import STATE_SHIFT
from lavarobust.netx.mean_image import MeanImage
from lavarobust.snn.architecture import ConvSpec, DenseSpec, LayerSpec, PoolSpec
from lavarobust.snn.block import Block, BlockSettings, ConvBlock, DenseBlock
from lavarobust.snn.gate import GateOptions, StochasticGate

Shape = tuple[int, ...]


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
    ) -> None:
        super().__init__()
        self.input_shape, self.steps = input_shape, steps
        self._encoding, self.readout = encoding, readout
        mean = encoding.mean_image if encoding.kind == "signed_rate" else None
        self.mean_image: torch.Tensor | None
        self.register_buffer("mean_image", None if mean is None else torch.from_numpy(mean.pixels.copy()))
        self.block_inputs: list[Shape] = []
        self.blocks = torch.nn.ModuleList()
        self._build(layers, surrogate, generator)
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
        beyond: float = 0.0,
    ) -> torch.Tensor:
        """What the encoder makes of images ``(N, C, H, W)``, differentiable straight through.

        Args:
            indices, draw, steps: as :meth:`forward` has them.
            beyond: how far pixels may lie outside [0, 1]; see :func:`encode_straight_through`.

        Returns:
            ``(F, N, C, H, W)`` integer-valued frames, time first.
        """
        return encode_straight_through(self.encoding, images, steps or self.steps, indices, draw, beyond)

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
        trajectories = []
        scale, keys = 1.0, Keys(np.asarray(indices), draw)
        for block in self.stack:
            trajectory, parameters = block.run(frames, steps, quantised, keys)
            # sums that needed float64 need not make the next layers wide too
            frames, scale = trajectory.spikes.float(), parameters.scale
            trajectories.append(trajectory)
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

    def freeze(self) -> None:
        """Fix every block's batch-norm statistics and integer scale."""
        for block in self.stack:
            block.freeze()

    def _build(self, layers: tuple[LayerSpec, ...], surrogate: Surrogate, generator: torch.Generator) -> None:
        if not layers or not isinstance(layers[-1], DenseSpec):
            raise SettingsError("network: the last layer must be 'dense CLASSES', the readout.")
        shape, pool = self.input_shape, 1
        for position, spec in enumerate(layers):
            where = f"network layer {position} ({spec})"
            if isinstance(spec, PoolSpec):
                if len(shape) != 3 or any(side % (pool * spec.side) for side in shape[1:]):
                    raise SettingsError(
                        f"{where}: an input of shape {shape} can't be cut into {spec.side} x {spec.side} "
                        "squares. Choose a size that divides height and width."
                    )
                pool *= spec.side
                continue
            last = position == len(layers) - 1
            spiking = not (last and self.readout == "membrane")
            settings = BlockSettings(
                voltage_decay=spec.voltage_decay,
                holds_input=position == _first_block(layers) and self._encoding.kind == "direct",
                spiking=spiking,
                # a membrane readout is a plain linear layer; one that counts spikes has to reach threshold
                batch_norm=spec.batch_norm and spiking,
                bias=last and not (spec.batch_norm and spiking),
                pool=pool,
                input_units=_input_units(self._encoding) if not self.blocks else 1.0,
                surrogate=surrogate,
            )
            self.block_inputs.append(shape)
            pooled = (shape[0], *(side // pool for side in shape[1:]))
            shape = self._append(where, spec, pooled, settings, generator)
            pool = 1

    def _gate(self, options: GateOptions) -> None:
        """Put gates behind all populations but the readout, whose outputs are the next ones' inputs."""
        gated = zip(self.stack, self.block_inputs[1:], strict=False)
        for stream, (block, shape) in enumerate(gated, start=1):
            block.gate = StochasticGate(shape, stream, options)

    def _append(
        self,
        where: str,
        spec: ConvSpec | DenseSpec,
        shape: Shape,
        settings: BlockSettings,
        generator: torch.Generator,
    ) -> Shape:
        block: Block
        if isinstance(spec, DenseSpec):
            block = DenseBlock(int(np.prod(shape)), spec.features, settings, generator)
            self.blocks.append(block)
            return (spec.features,)
        if len(shape) != 3:
            raise SettingsError(f"{where}: a convolution can't follow a dense layer. Put it in front.")
        out = tuple((side + 2 * spec.padding - spec.kernel) // spec.stride + 1 for side in shape[1:])
        if min(out) < 1:
            raise SettingsError(
                f"{where}: kernel {spec.kernel} is larger than its input {shape}. Use a smaller one."
            )
        block = ConvBlock(
            shape[0], spec.channels, spec.kernel, settings, generator, spec.stride, spec.padding
        )
        self.blocks.append(block)
        return (spec.channels, *out)


def _first_block(layers: tuple[LayerSpec, ...]) -> int:
    return next(position for position, spec in enumerate(layers) if not isinstance(spec, PoolSpec))


def _input_units(encoding: Encoding) -> float:
    return 1.0 if encoding.drawn else float(encoding.levels)
