"""What the networks are shown: MNIST, the frames that lava-dl ships, or rasters of stated activity."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import numpy as np

from lavarobust.data.idx import has_mnist, mnist_sources

SEED = 0
INK = 0.19
"""Share of an MNIST image's pixels that are not black, about."""

_STRIDE = 7
"""Pixels by which each sample's copy of a frame is moved against the one before."""


def shipped_file(name: str) -> Path:
    """A file below lava-dl's own ``tests/lava/lib/dl/netx``.

    Raises:
        FileNotFoundError: this installation carries no tests.
    """
    wanted = f"tests/lava/lib/dl/netx/{name}"
    for file in files("lava-dl") or ():
        if str(file) == wanted:
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{wanted} is not part of the installed lava-dl")


def digits(folder: Path | None, samples: int) -> tuple[np.ndarray, str]:
    """``(N, 1, 28, 28)`` pixels in [0, 1], and what they are.

    Args:
        folder: holds MNIST's idx files, or a folder ``mnist`` with them; None for squares of noise.
    """
    for place in [] if folder is None else [folder, folder / "mnist"]:
        if has_mnist(place):
            test = mnist_sources(place)[1]
            chosen = np.arange(samples) % len(test.labels)
            return test.images(chosen).images, "MNIST test images"
    if folder is not None:
        raise FileNotFoundError(f"{folder} holds no MNIST idx files. Name another folder, or none at all")
    rng = np.random.default_rng(SEED)
    noise = rng.random((samples, 1, 28, 28), dtype=np.float32)
    return np.where(rng.random(noise.shape) < INK, noise, np.float32(0)), f"noise, {INK:.0%} of pixels lit"


def moved(frame: np.ndarray, samples: int) -> np.ndarray:
    """``(N, *frame.shape)``: copies of a frame ``(..., W)``, each moved 7 pixels on in W; every second
    round through the width is mirrored."""
    width = frame.shape[-1]
    copies = [np.roll(frame, _STRIDE * n % width, axis=-1) for n in range(samples)]
    return np.stack([
        copy[..., ::-1] if (_STRIDE * n // width) % 2 else copy for n, copy in enumerate(copies)
    ])  # fmt: skip


def raster(shape: tuple[int, ...], activity: float, seed: int = SEED) -> np.ndarray:
    """Spikes of that shape, uint8, each with probability ``activity``."""
    return (np.random.default_rng(seed).random(shape, dtype=np.float32) < activity).astype(np.uint8)
