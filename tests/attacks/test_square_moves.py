from __future__ import annotations

import numpy as np
import pytest

from lavarobust.attacks.samples import Samples
from lavarobust.attacks.square_moves import BallMoves, _bump, _bumps
from lavarobust.attacks.threat import ThreatModel


def test_bumps_by_hand():
    # n = 1: the rim is 1/2^2, the middle 1/2^2 + 1/1^2
    np.testing.assert_array_equal(_bump(3, 3), [[0.25] * 3, [0.25, 1.25, 0.25], [0.25] * 3])
    np.testing.assert_array_equal(_bump(3, 1), [[0.25], [1.25], [0.25]])
    coins = np.array([[False, True, False], [True, True, True]])
    upright, lying = _bumps(3, coins)
    # a column of 3 up, two columns down: the sum of squares is 3 (1/16 + 1/16 + 25/16) less the left's half
    eta = np.array([[0.25, -0.25, -0.25], [1.25, -0.25, -1.25], [0.25, -0.25, -0.25]])
    eta /= np.sqrt((eta**2).sum())
    np.testing.assert_allclose(upright, [eta, -eta], rtol=1e-15)
    np.testing.assert_allclose(lying, [eta.T, eta.T], rtol=1e-15)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 12, 9), (2, 2, 2)])
def test_the_balls_candidates_have_its_radius_and_reach_every_pixel(shape):
    clean = np.full((40, *shape), 0.5, dtype=np.float32)
    samples, threat = Samples(clean, np.zeros(40, int), np.arange(40)), ThreatModel(0.25, "l2")
    moves, open_ = BallMoves(samples, threat, seed=3), np.arange(40)
    best = moves.first(open_)
    touched = np.zeros(shape, dtype=bool)
    for query in range(1, 30):
        length = np.sqrt(((best.astype(np.float64) - 0.5) ** 2).reshape(40, -1).sum(axis=1))
        np.testing.assert_allclose(length, 0.25, rtol=1e-4)
        threat.check(clean, best)
        candidates = moves.next(open_, best, query, share=0.1)
        touched |= (candidates != best).any(axis=0)
        best = candidates
    assert touched.all()


def test_a_window_gives_up_its_change_for_another():
    clean = np.full((200, 1, 9, 9), 0.5, dtype=np.float32)
    moves = BallMoves(Samples(clean, np.zeros(200, int), np.arange(200)), ThreatModel(0.25, "l2"), 0)
    open_ = np.arange(200)
    best = moves.first(open_)
    after = moves.next(open_, best, 1, share=9 / 81)
    for one, other in zip(best[:, 0], after[:, 0], strict=True):
        # nothing was unused, so that what lies outside the two windows of 3 by 3 stays
        assert np.isclose(one, other, rtol=0, atol=1e-6).sum() >= 81 - 18
        assert (other != one).sum() >= 9
