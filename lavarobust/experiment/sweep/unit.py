"""A work unit: plain data that says which recipe is trained and how it is evaluated."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import resolve_recipe
from lavarobust.experiment.recipe import Recipe

RESULT_VERSION = 1
"""Raised where training, deployment, attacks or counting change figures: older results then don't count."""

_HASH_DIGITS = 10
_WHERE = ("name", "threads", "device")
"""Keys of a recipe that say where and under what name it runs."""


@dataclass(frozen=True)
class Unit:
    """One recipe, trained, deployed and evaluated on one shard of its test images.

    Shard i holds every ``shards``-th image from i on. All shards of a run share its folder.

    Attributes:
        row: of the table; units of one row differ in their seed and shard only.
        recipe: with every default filled in.
        images: test images of all shards together; None for all there are.
        on_lava: of every set of images of the shard, so many are also executed on Lava.
        shard, shards: from 0; below ``shards``.
        suite: of attacks, that runs beside the recipe's own; None for none.
        suite_images: test images of all shards together that it runs on.
        other_seed: of the unit of the row from whose model the suite transfers images; None for none.
    """

    row: str
    recipe: Recipe
    images: int | None = None
    on_lava: int = 16
    shard: int = 0
    shards: int = 1
    suite: str | None = None
    suite_images: int = 200
    other_seed: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON; :func:`read_unit` reads them back."""
        return {**vars(self), "recipe": self.recipe.model_dump(mode="json")}

    @property
    def key(self) -> str:
        """Equal for units that must come to the same result, in whatever sweep, folder or place.

        The name of row and recipe, the folder of the data, the threads and the device are no part of it
        (those two change the order of floating point sums in training, as another machine does).
        """
        asked = self.as_dict()
        recipe = {name: part for name, part in asked["recipe"].items() if name not in _WHERE}
        recipe["data"] = recipe["data"] | {"root": None}
        unsaid = {"row"} if self.suite is not None else {"row", "suite", "suite_images"}
        unsaid |= set() if self.other_seed is not None else {"other_seed"}
        named = {name: value for name, value in asked.items() if name not in unsaid}
        return _digest({**named, "recipe": recipe, "result_version": RESULT_VERSION})

    @property
    def other(self) -> Unit | None:
        """The unit whose model images are transferred from; None where there is no other seed."""
        if self.other_seed is None:
            return None
        recipe = self.recipe.model_copy(update={"seed": self.other_seed})
        return replace(self, recipe=recipe, other_seed=None)

    @property
    def run_name(self) -> str:
        """Of the run folder."""
        recipe = self.recipe.model_dump(mode="json")
        return self._label(_digest({"recipe": recipe, "result_version": RESULT_VERSION}))

    @property
    def name(self) -> str:
        """Of the unit's files, unlike that of any other unit."""
        part = f"-{self.shard}of{self.shards}" if self.shards > 1 else ""
        return self._label(self.key) + part

    def _label(self, digest: str) -> str:
        row = re.sub(r"[^A-Za-z0-9]+", "-", self.row).strip("-").lower()[:60]
        return f"{row}-{self.recipe.seed}-{digest[:_HASH_DIGITS]}"


def read_unit(plain: Mapping[str, Any], source: str) -> Unit:
    """The unit that ``Unit.as_dict`` gave, with defaults for keys that recipes have gained since.

    Args:
        source: what errors call it.

    Raises:
        SettingsError: it is none, or its recipe is impossible.
    """
    try:
        values = {name: plain[name] for name in ("row", "images", "on_lava", "shard", "shards")}
        recipe = plain["recipe"]
    except (KeyError, TypeError) as error:
        raise SettingsError(f"{source}: is no work unit ({error} is missing)") from None
    since = ("suite", "suite_images", "other_seed")
    values |= {name: plain[name] for name in since if name in plain}
    unit = Unit(recipe=resolve_recipe(recipe, source), **values)
    numbers = (
        unit.suite_images,
        unit.on_lava,
        unit.shard,
        unit.shards,
        0 if unit.images is None else unit.images,
        0 if unit.other_seed is None else unit.other_seed,
    )
    if not all(isinstance(number, int) for number in numbers) or not 0 <= unit.shard < unit.shards:
        raise SettingsError(f"{source}: is no work unit (images, on_lava, shard or shards are impossible)")
    if unit.other_seed == unit.recipe.seed:
        raise SettingsError(f"{source}: is no work unit (its other_seed is its own seed)")
    return unit


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
