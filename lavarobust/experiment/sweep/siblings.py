"""Which seed of its row a unit's suite transfers images from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lavarobust.experiment.sweep.unit import Unit


def with_other_seeds(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Units, each with a suite told the next seed of its row; after the last comes the first.

    A row of one seed has no other, and its suites run without transfer.
    """
    seeds: dict[str, list[int]] = {}
    for unit in units:
        row = seeds.setdefault(unit.row, [])
        if unit.recipe.seed not in row:
            row.append(unit.recipe.seed)
    return tuple(unit if unit.suite is None else _told(unit, seeds[unit.row]) for unit in units)


def _told(unit: Unit, seeds: Sequence[int]) -> Unit:
    following = seeds[(seeds.index(unit.recipe.seed) + 1) % len(seeds)]
    return replace(unit, other_seed=None if following == unit.recipe.seed else following)
