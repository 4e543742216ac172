"""Expected flips of drawn encodings, by hand and as the encoders really draw."""

from __future__ import annotations

import numpy as np
import pytest

from lavarobust.encoding import encode
from lavarobust.encoding.randomness import (
    coupled_flips,
    epsilon_of_flips,
    flips_of_epsilon,
    randomness,
    rate_flips,
    rate_randomness,
    signed_flips,
    signed_randomness,
)
from lavarobust.errors import DataError
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.mean_image import MeanImage

STEPS = 4000
IMAGES = np.random.default_rng(0).random((2, 1, 3, 4)).astype(np.float32)
MEAN = np.random.default_rng(1).random((1, 3, 4)).astype(np.float32)
RATE, SIGNED = Encoding("rate"), Encoding("signed_rate", mean_image=MeanImage(MEAN))


def differing(encoding: Encoding, one: np.ndarray, other: np.ndarray, draws=(0, 1)) -> np.ndarray:
    """``(N,)`` entries in which frames of two encodings differ, averaged over many frames."""
    keys = np.arange(len(one))
    first, second = (
        encode(encoding, images, STEPS, keys, draw).frames
        for images, draw in zip((one, other), draws, strict=True)
    )
    return (first != second).mean(-1).reshape(len(one), -1).sum(1)


# a frame's count of 12 entries has a variance of at most 3, so a mean of 4,000 a deviation of 0.028
CLOSE = 6 * 0.028


def test_randomness_by_hand():
    images = np.array([[[[0.5, 1.0]]], [[[0.25, 0.0]]]])
    # 2 (1/4 + 0) and 2 (3/16 + 0)
    assert rate_randomness(images).tolist() == [0.5, 0.375]
    # less 1/4: 1/4 and 3/4; 0 and -1/4
    assert signed_randomness(images - 0.25).tolist() == [0.75, 0.375]
    table = randomness(images, np.full((1, 1, 2), 0.25))
    assert (table.k1, table.k2) == (0.4375, 0.5625)
    assert table.k3 == pytest.approx((0.5 / 0.75 + 1) / 2)


def test_independent_encodings_differ_in_k1_and_k2_entries():
    assert np.abs(differing(RATE, IMAGES, IMAGES) - rate_randomness(IMAGES)).max() < CLOSE
    assert np.abs(differing(SIGNED, IMAGES, IMAGES) - signed_randomness(IMAGES - MEAN)).max() < CLOSE


@pytest.mark.parametrize("seed", range(3))
def test_a_change_adds_what_the_functions_say(seed):
    changed = np.random.default_rng(10 + seed).random(IMAGES.shape).astype(np.float32)
    change = (changed - IMAGES).astype(np.float64)
    added = rate_flips(IMAGES, change).sum((1, 2, 3))
    assert np.abs(differing(RATE, IMAGES, changed) - rate_randomness(IMAGES) - added).max() < CLOSE
    added = signed_flips(IMAGES - MEAN, change).sum((1, 2, 3))
    assert np.abs(differing(SIGNED, IMAGES, changed) - signed_randomness(IMAGES - MEAN) - added).max() < CLOSE
    # in the same draws
    together = coupled_flips(IMAGES, change).sum((1, 2, 3))
    assert np.abs(differing(RATE, IMAGES, changed, (0, 0)) - together).max() < CLOSE
    together = coupled_flips(IMAGES - MEAN, change).sum((1, 2, 3))
    assert np.abs(differing(SIGNED, IMAGES, changed, (0, 0)) - together).max() < CLOSE


def test_flips_by_hand():
    x, change = np.array([0.25, 0.75, 0.5]), np.array([0.25, 0.25, 0.25])
    assert rate_flips(x, change).tolist() == [0.125, -0.125, 0.0]
    # from 1/4 to 1/2: 1/2 (3/4) + 1/4 - 1/8 - 3/8 = 1/8; from 1/4 to -1/4: 1/4 (3/4) + 1/4 - 3/8 = 1/16
    x, change = np.array([0.25, 0.25]), np.array([0.25, -0.5])
    assert signed_flips(x, change).tolist() == [0.125, 0.0625]
    assert coupled_flips(x, change).tolist() == [0.25, 0.25]


def test_an_l_inf_attack_in_the_same_draws_flips_epsilon_per_entry():
    grey = np.full((1, 3, 32, 32), 0.5)
    # the specification's 8/255 on CIFAR: 96.4 flips per frame at most
    assert flips_of_epsilon(coupled_flips, grey, 8 / 255) == pytest.approx(96.4, abs=0.05)
    assert epsilon_of_flips(coupled_flips, grey, 3072 / 16) == pytest.approx(1 / 16)


@pytest.mark.parametrize("flips", [rate_flips, signed_flips, coupled_flips])
@pytest.mark.parametrize("epsilon", [0.05, 0.4])
def test_no_point_of_the_box_causes_more_than_the_relation_says(flips, epsilon):
    mean = None if flips is rate_flips else MEAN
    most = flips_of_epsilon(flips, IMAGES, epsilon, mean)
    centred = IMAGES.astype(np.float64) - (0 if mean is None else mean)
    grid = [
        flips(centred, np.clip(IMAGES + epsilon * part, 0, 1) - IMAGES.astype(np.float64))
        for part in np.linspace(-1, 1, 201)
    ]
    best = np.max(grid, axis=0).sum((1, 2, 3)).mean()
    assert best <= most + 1e-6
    assert best > 0.97 * most  # the grid misses kinks only by its spacing
    assert epsilon_of_flips(flips, IMAGES, most, mean) == pytest.approx(epsilon, rel=1e-6)


def test_impossible_requests_are_refused():
    with pytest.raises(
        DataError, match=r"13 flips per frame: attacks on these pixels cause 0 to .*Give fewer"
    ):
        epsilon_of_flips(coupled_flips, IMAGES, 13)
    with pytest.raises(DataError, match="not all black and white"):
        randomness(np.ones((1, 1, 2, 2)), np.zeros((1, 2, 2)))
