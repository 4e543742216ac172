"""Recipes from YAML files, by name or path, with ``key=value`` overrides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from pydantic import ValidationError

from lavarobust.errors import SettingsError
from lavarobust.experiment.messages import describe
from lavarobust.experiment.recipe import Recipe

if TYPE_CHECKING:
    from importlib.abc import Traversable

_SUFFIX = ".yaml"
Kind = Literal["recipe", "sweep"]


def load_recipe(path_or_name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe with every default filled in.

    Args:
        path_or_name: a YAML file, or the name of a recipe of the package (:func:`builtin_recipes`).
        overrides: such as ``training.epochs=5``; the value is read as YAML.

    Raises:
        SettingsError: one line with the file or override, the place, the value and what is allowed.
    """
    source, content = read_yaml(path_or_name, "recipe")
    return resolve_recipe(content, source, overrides)


def resolve_recipe(content: object, source: str, overrides: Iterable[str] = ()) -> Recipe:
    """As :func:`load_recipe`, from plain data; ``source`` is what errors call it."""
    if not isinstance(content, dict):
        raise SettingsError(f"{source}: is not a mapping. A recipe is a list of 'key: value' lines")
    origins: dict[tuple[str, ...], str] = {}
    for override in overrides:
        place, value = _parse_override(override)
        content = _with(content, place, value, override)
        origins[place] = f"override {override}"
    try:
        # JSON mode is strict about types, and still takes a list for a tuple
        return Recipe.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise SettingsError(describe(error, Recipe, source, origins)) from None


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as YAML with every value written out; :func:`load_recipe` reads it back equal."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def builtin_recipes() -> tuple[str, ...]:
    """Names of the recipes inside the package."""
    return builtin("recipe")


def builtin(kind: Kind) -> tuple[str, ...]:
    """Names of the files of a kind inside the package."""
    return tuple(
        sorted(file.name[: -len(_SUFFIX)] for file in _folder(kind).iterdir() if file.name.endswith(_SUFFIX))
    )


def read_yaml(path_or_name: str | Path, kind: Kind) -> tuple[str, Any]:
    """What errors call a file, and its content as plain data.

    Args:
        path_or_name: a YAML file, or a name of :func:`builtin`.

    Raises:
        SettingsError: there is none, or it is no YAML.
    """
    path = Path(path_or_name)
    if str(path_or_name) in builtin(kind) and not path.is_file():
        source = f"{kind} {path_or_name}"
        return source, _parse(
            (_folder(kind) / f"{path_or_name}{_SUFFIX}").read_text(encoding="utf-8"), source
        )
    try:
        return str(path), _parse(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        known = ", ".join(builtin(kind))
        raise SettingsError(f"{path}: no such {kind}. Name a YAML file, or one of: {known}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read as text ({error}). Name a YAML file") from None


def _folder(kind: Kind) -> Traversable:
    return resources.files(__package__) / f"{kind}s"


class _Loader(yaml.SafeLoader):
    """YAML's safe subset; 1e-3 is a number, and a key may stand only once."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"{key.value} stands twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _parse(text: str, source: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f" line {mark.line + 1}"
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{source}:{line} is not YAML ({problem}). Write 'key: value' lines") from None


def _parse_override(override: str) -> tuple[tuple[str, ...], Any]:
    key, separator, value = override.partition("=")
    place = tuple(part.strip() for part in key.split("."))
    if not separator or not all(place):
        raise SettingsError(
            f"override {override!r} is not understood. Write key=value, e.g. training.epochs=5"
        )
    return place, _parse(value, f"override {override}")


def _with(content: Mapping[str, Any], place: tuple[str, ...], value: Any, override: str) -> dict[str, Any]:
    name, *rest = place
    if not rest:
        return {**content, name: value}
    inner = content.get(name, {})
    if not isinstance(inner, dict):
        raise SettingsError(f"override {override}: {name} is {inner!r} and has no keys. Set {name} itself")
    return {**content, name: _with(inner, tuple(rest), value, override)}
