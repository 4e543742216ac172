"""The sweep file: named rows of recipes, and what each of them is varied over."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import Field, ValidationError, model_validator

from lavarobust.errors import SettingsError
from lavarobust.experiment.conversion_recipes import pretraining_of
from lavarobust.experiment.loading import read_yaml, resolve_recipe
from lavarobust.experiment.messages import describe
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.sections import Section, SuiteName
from lavarobust.experiment.sweep.siblings import with_other_seeds
from lavarobust.experiment.sweep.unit import Unit
from lavarobust.training.settings import AtLeastOne, AtLeastZero

SEED, STEPS = "seed", "network.steps"

RecipeReference = Annotated[
    str | dict[str, Any] | None, Field(description="a recipe's name or file, or the recipe itself")
]
_KEYS = "a mapping such as {training.epochs: 5}"


class Row(Section):
    """One row of the table, or several where the sweep varies more than the seed.

    Attributes:
        recipe: a name, a file (from the sweep file's folder) or a mapping; None for the sweep's.
        set: keys of the recipe and their values.
    """

    recipe: RecipeReference = None
    set: dict[str, Any] = Field(default_factory=dict, description=_KEYS)


class Evaluation(Section):
    """How every unit is evaluated; see :class:`lavarobust.experiment.sweep.unit.Unit`.

    Attributes:
        images: the first so many test images; null for all.
        on_lava: of each set of images (clean, and each attack's), so many are executed on Lava too.
        shards: parts of the images that are units of their own.
        suite: of attacks, that runs at every epsilon of the recipe beside its attacks; null for none.
        suite_images: the first so many test images, on which it runs.
    """

    images: Annotated[int | None, Field(ge=1, description="an integer of at least 1, or null")] = None
    on_lava: AtLeastZero = 16
    shards: AtLeastOne = 1
    suite: SuiteName | None = None
    suite_images: AtLeastOne = 200


class SweepFile(Section):
    """What a sweep runs: every row with every combination of the values in ``over``.

    Attributes:
        name: of the sweep's folder.
        recipe: of rows that name none.
        set: keys of every row's recipe and their values; a row's own come after them.
        rows: by the name that the table gives them.
        over: keys of the recipe, each with a list of values. ``seed`` makes the spread of a row; any other
            key makes a row per value.
        evaluate: images and shards.
        against: the row that all others are compared with, seed by seed, where a sweep has one.
        equal_accuracy: the row beside which the others and its ANN are put at equal clean accuracy, where a
            sweep has one; see :mod:`lavarobust.experiment.sweep.equal_accuracy`.
    """

    name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="letters, digits, '.', '_' and '-', beginning with a letter or digit",
        ),
    ]
    recipe: RecipeReference = None
    set: dict[str, Any] = Field(default_factory=dict, description=_KEYS)
    rows: dict[str, Row] = Field(default_factory=dict, description="a mapping of names to {recipe, set}")
    over: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default_factory=dict, description="a mapping such as {seed: [0, 1, 2]}, of lists that hold something"
    )
    evaluate: Evaluation = Evaluation()
    against: Annotated[str | None, Field(description="the name of a row, or null")] = None
    equal_accuracy: Annotated[str | None, Field(description="the name of a row, or null")] = None

    @model_validator(mode="after")
    def _against_is_a_row(self) -> SweepFile:
        if self.against is None:
            return self
        if self.against not in self.rows:
            raise ValueError(f"against is {self.against!r}. Allowed: one of {', '.join(self.rows) or 'rows'}")
        if varied := [key for key in self.over if key != SEED]:
            raise ValueError(
                f"against compares row with row, and over varies {varied[0]} too. Allowed there: seed"
            )
        return self

    @model_validator(mode="after")
    def _equal_accuracy_is_over_steps(self) -> SweepFile:
        if self.equal_accuracy is None:
            return self
        if self.equal_accuracy not in self.rows:
            allowed = f"one of {', '.join(self.rows) or 'rows'}"
            raise ValueError(f"equal_accuracy is {self.equal_accuracy!r}. Allowed: {allowed}")
        varied = [key for key in self.over if key != SEED]
        if varied != [STEPS] or not all(map(_is_number, self.over[STEPS])):
            raise ValueError(
                f"equal_accuracy looks for the least T, and over varies {', '.join(varied) or 'nothing'}. "
                f"Allowed there: {STEPS} and {SEED}"
            )
        return self


class Axis(NamedTuple):
    """What a sweep's curves are drawn over.

    Attributes:
        key: of the recipe, the first in ``over`` whose values are numbers.
        places: by row of the table, the curve that it is a point of, and the value there.
    """

    key: str
    places: Mapping[str, tuple[str, float]]


class Sweep(NamedTuple):
    """A sweep's file, expanded.

    Attributes:
        name: of the sweep.
        units: row by row, in the order of the file.
        against: the row that others are compared with, or None.
        axis: None where nothing but seeds and words is varied.
        equal_accuracy: the row beside which others are put at equal accuracy, or None.
    """

    name: str
    units: tuple[Unit, ...]
    against: str | None
    axis: Axis | None
    equal_accuracy: str | None


def load_sweep(path_or_name: str | Path, overrides: Iterable[str] = ()) -> Sweep:
    """A sweep with its units.

    Args:
        path_or_name: a YAML file, or the name of a sweep of the package.
        overrides: ``key=value`` for every row's recipe, after the file's own; one of a key in ``over``
            takes the place of its values.

    Raises:
        SettingsError: one line with the file, the place, the value and what is allowed.
    """
    source, content = read_yaml(path_or_name, "sweep")
    if not isinstance(content, dict):
        raise SettingsError(f"{source}: is not a mapping. A sweep is a list of 'key: value' lines")
    try:
        file = SweepFile.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise SettingsError(describe(error, SweepFile, source, {})) from None
    rows = dict(file.rows) or {file.name: Row()}
    overrides = tuple(overrides)
    units = with_other_seeds(
        [
            unit
            for name, row in rows.items()
            for unit in _units(file, name, row, Path(path_or_name).parent, source, overrides)
        ]
    )
    _check_unlike(units, source)
    over = {key: values for key, values in file.over.items() if key not in _keys(overrides)}
    axis = _axis(rows, over)
    if file.equal_accuracy is not None:
        _check_comparable(file.equal_accuracy, units, axis, source)
    return Sweep(file.name, units, file.against, axis, file.equal_accuracy)


def _axis(rows: Iterable[str], over: Mapping[str, list[Any]]) -> Axis | None:
    numeric = [key for key, values in over.items() if key != SEED and all(map(_is_number, values))]
    if not numeric:
        return None
    places = {}
    for name, varied in itertools.product(rows, _combinations(over)):
        others = {key: value for key, value in varied.items() if key != numeric[0]}
        places[_label(name, varied)] = (_label(name, others), float(varied[numeric[0]]))
    return Axis(numeric[0], places)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _combinations(over: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*over.values()):
        yield dict(zip(over, values, strict=True))


def _label(name: str, varied: Mapping[str, Any]) -> str:
    """What the table calls a row: its seeds are one."""
    return " ".join([name, *(_shown(key, value) for key, value in varied.items() if key != SEED)])


def _units(
    file: SweepFile, name: str, row: Row, folder: Path, source: str, overrides: tuple[str, ...]
) -> Iterator[Unit]:
    place = f"{source}: rows.{name}" if file.rows else source
    recipe = row.recipe if row.recipe is not None else file.recipe
    if recipe is None:
        raise SettingsError(f"{place}: recipe is missing. Give a recipe's name or file, there or at the top")
    content = recipe if isinstance(recipe, dict) else _content(recipe, folder, place)
    over = {key: values for key, values in file.over.items() if key not in _keys(overrides)}
    for varied in _combinations(over):
        given = (*_written(file.set), *_written(row.set), *_written(varied), *overrides)
        resolved = _resolved(content, place, given)
        label = _label(name, varied)
        evaluate = file.evaluate
        for shard in range(evaluate.shards):
            yield Unit(
                label,
                resolved,
                evaluate.images,
                evaluate.on_lava,
                shard,
                evaluate.shards,
                evaluate.suite,
                evaluate.suite_images,
            )


def _resolved(content: Any, place: str, overrides: tuple[str, ...]) -> Recipe:
    try:
        return resolve_recipe(content, place, overrides)
    except SettingsError as error:
        text = str(error)  # of an override it names no place yet
        raise SettingsError(text if text.startswith(place) else f"{place}: {text}") from None


def _content(recipe: str, folder: Path, place: str) -> Any:
    """Of a recipe's file, which lies where the sweep's file says from its own folder on, or of its name."""
    beside = folder / recipe
    try:
        return read_yaml(beside if beside.is_file() else recipe, "recipe")[1]
    except SettingsError as error:
        raise SettingsError(f"{place}: {error}") from None


def _written(values: Mapping[str, Any]) -> list[str]:
    """As overrides, whose values are YAML; JSON is."""
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]


def _keys(overrides: tuple[str, ...]) -> set[str]:
    return {override.partition("=")[0].strip() for override in overrides}


def _shown(key: str, value: Any) -> str:
    """``epsilon=0.1`` for training.objective.epsilon."""
    text = value if isinstance(value, str) else json.dumps(value)
    return f"{key.rpartition('.')[2]}={text}"


def _check_comparable(reference: str, units: tuple[Unit, ...], axis: Axis | None, source: str) -> None:
    if axis is None:
        raise SettingsError(
            f"{source}: equal_accuracy looks for the least T, and an override has put one value of {STEPS} "
            "in place of all. Leave it out"
        )
    for unit in units:
        if axis.places[unit.row][0] == reference and pretraining_of(unit.recipe.defense) is None:
            raise SettingsError(
                f"{source}: rows.{reference}: equal_accuracy needs the ANN that the row starts from, and its "
                f"defence {unit.recipe.defense.kind} has no pretraining. Set defense.pretraining"
            )


def _check_unlike(units: tuple[Unit, ...], source: str) -> None:
    first: dict[str, Unit] = {}
    for unit in units:
        other = first.setdefault(unit.key, unit)
        if other is not unit:
            raise SettingsError(
                f"{source}: {other.row!r} and {unit.row!r} with seed {unit.recipe.seed} are the same recipe. "
                "Leave one out, or set what is to differ"
            )
