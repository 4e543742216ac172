"""The ANNs that a model is held against, the quantised one executed on the same images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import numpy as np

from lavarobust.encoding import encode
from lavarobust.energy import make_ledger
from lavarobust.energy.standing import Accuracies, Peer, stand_beside
from lavarobust.errors import BackendError
from lavarobust.execution.simulator import run_quantised
from lavarobust.experiment.plan import Plan
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus

_TOGETHER = 256
"""Images encoded at a time."""


def encoded(plan: Plan, images: np.ndarray, indices: np.ndarray) -> Iterator[Stimulus]:
    """What a plan makes of images ``(N, ...)``, some at a time; ``indices`` are the keys of its draws."""
    for first in range(0, len(images), _TOGETHER):
        here = slice(first, first + _TOGETHER)
        yield encode(plan.encoding, images[here], plan.steps, indices[here], 0)


def peers_of(
    record: Record, model: Model, stimuli: Iterable[Stimulus], labels: np.ndarray | None
) -> tuple[tuple[Peer, ...], str]:
    """A spiking network and ANNs of its shape on the same input.

    Args:
        record: of an execution of ``model``.
        stimuli: its input, in order.
        labels: ``(N,)`` right answers; None where there are none.

    Returns:
        The networks, and why the quantised one is missing; nothing where it is there.
    """
    ledger = make_ledger(record, model)
    try:
        quantised = run_quantised(model, stimuli, cast(ReadoutKind, record.readout))
    except BackendError as error:
        return stand_beside(ledger, model, None, _accuracies(record, None, labels)), str(error)
    return stand_beside(ledger, model, quantised, _accuracies(record, quantised.prediction, labels)), ""


def _accuracies(record: Record, quantised: np.ndarray | None, labels: np.ndarray | None) -> Accuracies:
    if labels is None:
        return Accuracies()
    ours = float(np.mean(record.prediction == labels))
    return Accuracies(ours, None if quantised is None else float(np.mean(quantised == labels)))
