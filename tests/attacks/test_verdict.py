from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import NetworkVictim
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.verdict import judge, majority
from lavarobust.errors import SettingsError


class Ballots(torch.nn.Module):
    """Draw d gives class 1 the margin of image pixel d over class 0."""

    stochastic = True

    def forward(self, images, indices, draw):
        margin = images.flatten(1)[:, draw : draw + 1]
        return torch.cat([torch.full_like(margin, 0.5), margin], 1)


def _samples(*rows: tuple[float, ...]) -> Samples:
    images = np.array(rows, dtype=np.float32).reshape(len(rows), 1, 1, -1)
    return Samples(images, np.zeros(len(rows), dtype=np.int64), np.arange(len(rows)))


def test_most_draws_decide_and_margins_are_averaged():
    samples = _samples((0.0, 0.25, 1.0, 1.0), (0.0, 0.25, 0.25, 1.0))
    verdict = judge(NetworkVictim(Ballots()), samples, votes=3, first=1)
    np.testing.assert_array_equal(verdict.prediction, [1, 0])
    np.testing.assert_allclose(verdict.margin, [0.25, 0.0])


def test_the_lead_is_over_the_label_alone():
    """Three classes of ten draws: votes for others do not add up."""

    class Spread(torch.nn.Module):
        stochastic = True

        def forward(self, images, indices, draw):
            chosen = images.flatten(1)[:, draw].long()
            return torch.nn.functional.one_hot(chosen, 3).double()

    samples = _samples((0, 0, 0, 1, 1, 2, 2), (1, 1, 1, 1, 1, 2, 0), (2,) * 7)
    verdict = judge(NetworkVictim(Spread()), samples, votes=7, first=0)
    np.testing.assert_allclose(verdict.lead, [-1 / 7, 4 / 7, 1])
    np.testing.assert_array_equal(verdict.prediction, [0, 1, 2])


def test_a_victim_that_draws_nothing_is_asked_once():
    class Sure(torch.nn.Module):
        def forward(self, images):
            return images.flatten(1)

    victim = NetworkVictim(Sure())
    verdict = judge(victim, _samples((0.25, 0.5)), votes=11, first=4)
    assert verdict.prediction.tolist() == [1] and verdict.margin.tolist() == [0.25]
    assert verdict.lead.tolist() == [1]
    assert victim.queries.forward == 1


def test_of_equally_many_votes_the_lowest_class_wins():
    np.testing.assert_array_equal(majority(np.array([[2, 0], [1, 0], [1, 3], [2, 3]])), [1, 0])


@pytest.mark.parametrize("votes", [0, 2, -1])
def test_verdicts_that_could_tie_are_refused(votes):
    with pytest.raises(SettingsError, match="odd number"):
        judge(NetworkVictim(Ballots()), _samples((0.0, 0.0)), votes, 0)
