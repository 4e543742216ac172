"""What an attack by queries found, and how accuracy falls with their number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.attacks.search import AttackResult
from lavarobust.errors import DataError


@dataclass(frozen=True, eq=False)
class QueryResult(AttackResult):
    """What :class:`AttackResult` says of each of N samples, and how long it took.

    Attributes:
        asked: ``(N,)`` int64, images beside the clean one that the victim was asked about until it was
            fooled, or until the search ended.
    """

    asked: np.ndarray


def accuracy_over_queries(
    found: QueryResult, clean_correct: np.ndarray, points: np.ndarray | list[int]
) -> np.ndarray:
    """Share of N samples that withstand the first q queries, for each q of ``points``.

    Args:
        found: of the attack on those samples.
        clean_correct: ``(N,)`` bool, which are right without attack.
        points: ``(P,)`` numbers of queries; at 0 this is the clean accuracy.

    Returns:
        ``(P,)`` float64.

    Raises:
        DataError: ``clean_correct`` of another number of samples.
    """
    if np.shape(clean_correct) != found.fooled.shape:
        raise DataError(
            f"{np.shape(clean_correct)} clean results for {len(found.fooled)} samples. Give one each."
        )
    fell_after = np.where(found.fooled, found.asked, np.inf)
    withstood = fell_after[None, :] > np.asarray(points)[:, None]
    accuracy: np.ndarray = (withstood & clean_correct).mean(axis=1)
    return accuracy
