"""Whether an image fools a model: one answer where the model draws nothing, else a vote over fresh draws."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.attacks.losses import Goal, loss_and_direction
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.victim import Victim
from lavarobust.errors import SettingsError

FILTER_DRAWS = 1 << 40
"""First of the draws that say which samples withstood an attack."""

FILTER_VOTES = 101
"""So many draws say it. They choose among the images of many attacks, and of few votes the best would be a
lucky one; beside the gradients that an attack takes they cost little."""

FINAL_DRAWS = 1 << 41
"""First of the draws that judge in the end. Those that chose an image do not judge it: of many noisy verdicts
the worst would be a lucky one."""


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a model says of N images.

    Attributes:
        prediction: ``(N,)`` int64: by vote, where the model draws.
        lead: ``(N,)`` float64 in [-1, 1]: share of the draws that say the class of most votes beside the
            label, less the share that says the label. 1 or -1 of a single draw.
        margin: ``(N,)`` float64, strongest rival's logit less the label's; the mean over the draws.
    """

    prediction: np.ndarray
    lead: np.ndarray
    margin: np.ndarray


def judge(victim: Victim, samples: Samples, votes: int, first: int) -> Verdict:
    """Ask about images with draws that no attack has seen; a victim that draws nothing is asked once.

    Args:
        votes: draws that judge together.
        first: the first of them.

    Raises:
        SettingsError: votes that are even or below 1: two classes could tie.
    """
    check_votes(votes)
    asked = range(first, first + votes) if victim.stochastic else range(1)
    answers = np.stack([victim.logits(samples.images, samples.indices, draw) for draw in asked])
    goal = Goal(samples.labels)
    margins = [loss_and_direction("margin", logits, goal)[0] for logits in answers]
    ballots = answers.argmax(axis=2)
    return Verdict(majority(ballots), _lead(ballots, samples.labels), np.mean(margins, axis=0))


def check_votes(votes: int) -> None:
    """Raises SettingsError unless so many votes always come to a decision between two classes."""
    if votes < 1 or votes % 2 == 0:
        raise SettingsError(f"a verdict of {votes} votes. Give an odd number, at least 1.")


def majority(ballots: np.ndarray) -> np.ndarray:
    """``(N,)`` int64 classes that most of the ballots ``(V, N)`` name; of equally many the lowest."""
    winners: np.ndarray = _counts(ballots, int(ballots.max(initial=0)) + 1).argmax(axis=1)
    return winners


def _lead(ballots: np.ndarray, labels: np.ndarray) -> np.ndarray:
    counts = _counts(ballots, int(max(ballots.max(initial=0), labels.max(initial=0))) + 1)
    rows = np.arange(len(labels))
    own = counts[rows, labels]
    counts[rows, labels] = 0
    lead: np.ndarray = (counts.max(axis=1) - own) / len(ballots)
    return lead


def _counts(ballots: np.ndarray, classes: int) -> np.ndarray:
    """``(N, classes)`` how many of the ballots ``(V, N)`` name each."""
    counts: np.ndarray = (ballots[:, :, None] == np.arange(classes)).sum(axis=0)
    return counts
