"""An exact vectorised stand-in for the convolution of Lava's CPU simulator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import numpy as np

from lavarobust.compat.patches import activate

_PLACE = "lava.proc.conv.utils"


@contextmanager
def fast_convolution() -> Iterator[None]:
    """Within ``with fast_convolution():`` Lava's Conv Processes convolve integers by matrix products.

    Processes fork when a network first runs, so that moment must lie inside. Sums are exact below 2**53,
    which no layer of 24-bit input and 8-bit weights reaches; floating point arguments still go to Lava's own
    function, since another order of summation would round differently.

    Raises:
        MissingLavaError: Lava is not installed.
    """
    activate()
    utils: Any = import_module(_PLACE)
    original = utils.conv_scipy

    def convolve(
        input_: np.ndarray,
        weight: np.ndarray,
        kernel_size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> np.ndarray:
        is_integer = input_.dtype.kind in "biu" and weight.dtype.kind in "biu"
        function = convolve_integers if is_integer else original
        output: np.ndarray = function(input_, weight, kernel_size, stride, padding, dilation, groups)
        return output

    utils.conv_scipy = convolve
    try:
        yield
    finally:
        utils.conv_scipy = original


def convolve_integers(
    input_: np.ndarray,
    weight: np.ndarray,
    kernel_size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> np.ndarray:
    """Convolve integers ``(W, H, C_in)`` with kernels ``(C_out, kW, kH, C_in / groups)``.

    Same arguments as ``lava.proc.conv.utils.conv_scipy``, pairs in (W, H) order; the result is float64 of
    shape ``(W', H', C_out)`` as there. No torch: it hangs in a forked Process.

    Raises:
        ValueError: channels that the groups don't divide, or a kernel larger than the padded input.
    """
    groups = int(groups)
    out_channels, in_channels = weight.shape[0], input_.shape[2]
    if in_channels % groups or out_channels % groups or weight.shape[3] != in_channels // groups:
        raise ValueError(f"{groups} groups don't fit {in_channels} input and {out_channels} output channels")
    # Lava passes int8 arrays, in which extents would overflow.
    (pad_w, pad_h), (step_w, step_h), (gap_w, gap_h) = (
        tuple(int(value) for value in pair) for pair in (padding, stride, dilation)
    )
    extent = tuple(gap * (int(size) - 1) + 1 for gap, size in zip((gap_w, gap_h), kernel_size, strict=True))
    padded = np.pad(input_.astype(np.float64), ((pad_w, pad_w), (pad_h, pad_h), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, extent, axis=(0, 1))  # type: ignore[call-overload]
    windows = windows[::step_w, ::step_h, :, ::gap_w, ::gap_h]
    # A convolution turns the kernel round; the products below don't.
    kernels = weight[:, ::-1, ::-1].transpose(0, 3, 1, 2).reshape(out_channels, -1).astype(np.float64)
    per_input, per_output = in_channels // groups, out_channels // groups
    output = np.empty((*windows.shape[:2], out_channels))
    for group in range(groups):
        outputs = slice(group * per_output, (group + 1) * per_output)
        patches = windows[:, :, group * per_input : (group + 1) * per_input]
        columns = patches.reshape(windows.shape[0] * windows.shape[1], -1)
        output[:, :, outputs] = (columns @ kernels[outputs].T).reshape(*windows.shape[:2], per_output)
    return output
