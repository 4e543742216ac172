"""What Square tries next, in the box and in the ball: candidates whose draws belong to the sample alone."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import torch

from lavarobust.attacks.samples import Samples
from lavarobust.attacks.threat import ThreatModel, linf_box
from lavarobust.attacks.words import attack_words

_GRID = 5
"""Tiles along the shorter side of the ball's first candidate."""

_SMALLEST = 3
"""Side of a tile in the ball, where an image is as large."""

_TINY = 1e-12


class Moves(Protocol):
    """The candidates of some of the samples, given by their positions."""

    def first(self, open_: np.ndarray) -> np.ndarray:
        """``(n, C, H, W)`` float32, where the search begins."""
        ...

    def next(self, open_: np.ndarray, best: np.ndarray, query: int, share: float) -> np.ndarray:
        """``(n, C, H, W)`` float32, beside the best ones so far.

        Args:
            best: ``(n, C, H, W)``.
            query: which one it is: the key of the draws.
            share: of the image that a tile covers.
        """
        ...


class BoxMoves:
    """Corners of the linf box (Andriushchenko et al. 2020, Algorithm 2).

    A tile that would change no pixel takes the opposite signs (the paper's code draws again).
    """

    def __init__(self, samples: Samples, threat: ThreatModel, seed: int) -> None:
        self.indices, self.seed = samples.indices, seed
        self.low, self.high = (
            bound.numpy() for bound in linf_box(torch.from_numpy(samples.images), threat.epsilon)
        )

    def first(self, open_: np.ndarray) -> np.ndarray:
        """Stripes: in every column one random sign per channel."""
        _, channels, _, columns = self.low.shape
        words = attack_words(self.indices[open_], self.seed, "square stripes", 0, channels * columns)
        signs = _coins(words).reshape(len(open_), channels, 1, columns)
        return np.where(signs, self.high[open_], self.low[open_])

    def next(self, open_: np.ndarray, best: np.ndarray, query: int, share: float) -> np.ndarray:
        """The best images with a tile of one random sign per channel."""
        _, channels, height, width = best.shape
        side = max(round(math.sqrt(share * height * width)), 1)
        words = attack_words(self.indices[open_], self.seed, "square tiles", query, 2 + channels)
        inside = _inside(
            _starts(words[:, 0], height, side), _starts(words[:, 1], width, side), side, best.shape
        )
        signs = _coins(words[:, 2:])[:, :, None, None]
        low, high = self.low[open_], self.high[open_]
        tiled = np.where(inside, np.where(signs, high, low), best)
        unchanged = (tiled == best).reshape(len(open_), -1).all(axis=1)[:, None, None, None]
        return np.where(inside & unchanged, np.where(signs, low, high), tiled)


class BallMoves:
    """Changes of full Euclidean length, moved from one window to another (ibid., Algorithm 3)."""

    def __init__(self, samples: Samples, threat: ThreatModel, seed: int) -> None:
        self.clean, self.indices, self.threat, self.seed = samples.images, samples.indices, threat, seed

    def first(self, open_: np.ndarray) -> np.ndarray:
        """A grid of bumps, each with one random sign per channel, and upright or lying."""
        _, channels, height, width = self.clean.shape
        side = max(min(height, width) // _GRID, 1)
        rows, columns = height // side, width // side
        words = attack_words(
            self.indices[open_], self.seed, "square grid", 0, rows * columns * (1 + channels)
        )
        coins = _coins(words).reshape(len(open_), rows, columns, 1 + channels)
        change = np.zeros((len(open_), channels, height, width))
        top, left = (height - rows * side) // 2, (width - columns * side) // 2
        for row in range(rows):
            for column in range(columns):
                down, right = top + row * side, left + column * side
                change[:, :, down : down + side, right : right + side] = _bumps(side, coins[:, row, column])
        length = np.sqrt((change.reshape(len(open_), -1) ** 2).sum(axis=1))[:, None, None, None]
        return self._allowed(open_, self.threat.epsilon * change / length)

    def next(self, open_: np.ndarray, best: np.ndarray, query: int, share: float) -> np.ndarray:
        """The best images with a bump added in one window, and the change in another given up for it."""
        samples, channels, height, width = best.shape
        # odd, so that a bump has a middle
        side = min(max(round(math.sqrt(share * height * width)), _SMALLEST) | 1, height, width)
        words = attack_words(self.indices[open_], self.seed, "square windows", query, 5 + channels)
        down, across, from_down, from_across = (
            _starts(words[:, place], length, side) for place, length in enumerate((height, width) * 2)
        )
        change = best.astype(np.float64) - self.clean[open_]
        there, given_up = (
            _inside(*corner, side, best.shape) for corner in ((down, across), (from_down, from_across))
        )
        unused = np.maximum(self.threat.epsilon**2 - (change**2).reshape(samples, -1).sum(axis=1), 0)
        both = _lengths(np.where(there | given_up, change, 0))
        place = np.arange(side)
        window = (
            np.arange(samples)[:, None, None, None],
            np.arange(channels)[None, :, None, None],
            (down[:, None] + place)[:, None, :, None],
            (across[:, None] + place)[:, None, None, :],
        )
        old = change[window]
        new = _bumps(side, _coins(words[:, 4:])) + old / np.maximum(_lengths(old), _TINY)
        budget = np.sqrt(both**2 + unused[:, None, None, None] / channels)
        change[np.broadcast_to(given_up, change.shape)] = 0
        change[window] = new / np.maximum(_lengths(new), _TINY) * budget
        return self._allowed(open_, change)

    def _allowed(self, open_: np.ndarray, change: np.ndarray) -> np.ndarray:
        clean = self.clean[open_]
        moved = torch.from_numpy((clean + change).astype(np.float32))
        allowed: np.ndarray = self.threat.project(torch.from_numpy(clean), moved).numpy()
        return allowed


MOVES: dict[str, type[BoxMoves] | type[BallMoves]] = {"linf": BoxMoves, "l2": BallMoves}
"""By the norm of the threat model."""


def _coins(words: np.ndarray) -> np.ndarray:
    """Bool in the shape of the words: their upper bits."""
    coins: np.ndarray = words >> np.uint64(63) == 1
    return coins


def _starts(words: np.ndarray, length: int, side: int) -> np.ndarray:
    """``(n,)`` where a tile begins: anywhere from the first place to the last that has room for it."""
    starts: np.ndarray = (words % np.uint64(length - min(side, length) + 1)).astype(np.int64)
    return starts


def _inside(down: np.ndarray, across: np.ndarray, side: int, shape: tuple[int, ...]) -> np.ndarray:
    """``(n, 1, H, W)`` bool: the tiles of that side, as far as they lie in the images."""
    rows, columns = (
        (np.arange(length) >= start[:, None]) & (np.arange(length) < start[:, None] + side)
        for start, length in ((down, shape[2]), (across, shape[3]))
    )
    inside: np.ndarray = rows[:, None, :, None] & columns[:, None, None, :]
    return inside


def _lengths(change: np.ndarray) -> np.ndarray:
    """``(n, C, 1, 1)`` Euclidean length of each channel."""
    flat = np.ascontiguousarray(change).reshape(*change.shape[:2], -1)
    lengths: np.ndarray = np.sqrt((flat**2).sum(axis=2))[:, :, None, None]
    return lengths


def _bumps(side: int, coins: np.ndarray) -> np.ndarray:
    """``(n, C, side, side)``: the paper's eta, of length 1 per channel.

    Args:
        coins: ``(n, 1 + C)`` bool: whether it lies, and each channel's sign.
    """
    left, right = (_bump(side, width) for width in (side // 2, side - side // 2))
    eta = np.concatenate([left, -right], axis=1)
    eta /= np.sqrt((eta**2).sum())
    lying, signs = coins[:, 0, None, None, None], np.where(coins[:, 1:], 1.0, -1.0)[:, :, None, None]
    bumps: np.ndarray = signs * np.where(lying, eta.T, eta)
    return bumps


def _bump(height: int, width: int) -> np.ndarray:
    """``(height, width)``: squares around the middle, one in the other, that grow towards it (Eq. 2)."""
    half = height // 2
    far = np.maximum(
        np.abs(np.arange(height) - half)[:, None], np.abs(np.arange(width) - width // 2)[None, :]
    )
    sums = np.cumsum([1 / (half + 1 - k) ** 2 for k in range(half + 1)])
    bump: np.ndarray = sums[half - far]
    return bump
