"""Recipes from YAML files, by name or path, with ``key=value`` overrides."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lavarobust.errors import SettingsError
from lavarobust.experiment.messages import describe
from lavarobust.experiment.recipe import Recipe

_SUFFIX = ".yaml"


def load_recipe(path_or_name: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """A recipe with every default filled in.

    Args:
        path_or_name: a YAML file, or the name of a recipe of the package (:func:`builtin_recipes`).
        overrides: such as ``training.epochs=5``; the value is read as YAML.

    Raises:
        SettingsError: one line with the file or override, the place, the value and what is allowed.
    """
    source, text = _read(path_or_name)
    return resolve_recipe(_parse(text, source), source, overrides)


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
    folder = resources.files(__package__) / "recipes"
    return tuple(
        sorted(file.name[: -len(_SUFFIX)] for file in folder.iterdir() if file.name.endswith(_SUFFIX))
    )


def _read(path_or_name: str | Path) -> tuple[str, str]:
    path = Path(path_or_name)
    if str(path_or_name) in builtin_recipes() and not path.is_file():
        file = resources.files(__package__) / "recipes" / f"{path_or_name}{_SUFFIX}"
        return f"recipe {path_or_name}", file.read_text(encoding="utf-8")
    try:
        return str(path), path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = ", ".join(builtin_recipes())
        raise SettingsError(f"{path}: no such recipe. Name a YAML file, or one of: {known}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read as text ({error}). Name a YAML file") from None


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
