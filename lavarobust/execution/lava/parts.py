"""Samples cut into parts for workers side by side, and what came back put together again."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Model
from lavarobust.record import LayerCounts, Record, Stimulus

if TYPE_CHECKING:
    from collections.abc import Callable

    from lavarobust.execution.lava.backend import LavaBackend

States = dict[int, np.ndarray]
Part = tuple[Record, States]


def cut(stimulus: Stimulus, parts: int) -> list[Stimulus]:
    """At most so many stimuli, of consecutive samples and equal length within one."""
    # decided on all samples: one part alone could look like spikes where the whole is graded
    graded = not stimulus.binary
    bounds = np.linspace(0, stimulus.samples, min(parts, stimulus.samples) + 1).astype(int)
    return [
        replace(stimulus.taken(slice(start, end)), graded=graded) for start, end in itertools.pairwise(bounds)
    ]


def run_part(
    make: Callable[..., LavaBackend],
    model: Model,
    stimulus: Stimulus,
    readout: ReadoutKind,
    keep: Collection[int],
    with_states: bool,
    report: Callable[[int], None],
) -> Part:
    """One part, in a worker; ``report`` gets the number of its samples that are done."""
    backend = make(progress=report)
    if with_states:
        return backend.run_with_states(model, stimulus, readout, keep)
    return backend.run(model, stimulus, readout, keep), {}


def joined(parts: Sequence[Part]) -> Part:
    """The parts' records, and their states, as of one run."""
    records = [record for record, _ in parts]
    first = records[0]
    arrays = {
        name: np.concatenate([getattr(record, name) for record in records])
        for name in ("prediction", "tied", "output_counts")
    }
    potential = None
    if first.potential is not None:
        potential = np.concatenate([record.potential for record in records if record.potential is not None])
    layers = zip(*(record.layers for record in records), strict=True)
    record = replace(
        first,
        **arrays,
        potential=potential,
        layers=tuple(_joined_counts(counts) for counts in layers),
        rasters={
            index: np.concatenate([record.rasters[index] for record in records]) for index in first.rasters
        },
    )
    states = {index: np.concatenate([part[index] for _, part in parts], axis=1) for index in parts[0][1]}
    return record, states


def _joined_counts(parts: tuple[LayerCounts, ...]) -> LayerCounts:
    arrays: dict[str, Any] = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(LayerCounts)
        if isinstance(getattr(parts[0], field.name), np.ndarray)
    }
    return replace(parts[0], **arrays)
