"""How a convolution moves, and the shape that it has on given inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Geometry:
    """A convolution's shape.

    Attributes:
        inputs, outputs: ``(C, H, W)`` and ``(C', H', W')``.
        kernel, stride, padding, dilation: ``(H, W)`` each.
        groups: of channels.
    """

    inputs: tuple[int, int, int]
    outputs: tuple[int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@dataclass(frozen=True)
class Convolution:
    """How a kernel moves: ``(H, W)`` each, and its groups of channels."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    def geometry(self, inputs: Sequence[int], weight: Sequence[int]) -> Geometry:
        """With inputs ``(C, H, W)`` and a weight ``(C', C / groups, kH, kW)``."""
        sides = [
            (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
            for size, kernel, stride, padding, dilation in zip(
                inputs[1:], weight[2:], self.stride, self.padding, self.dilation, strict=True
            )
        ]
        channels, height, width = inputs
        return Geometry(
            (channels, height, width), (weight[0], sides[0], sides[1]), (weight[2], weight[3]),
            self.stride, self.padding, self.dilation, self.groups,
        )  # fmt: skip
