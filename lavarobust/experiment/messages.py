"""One line a person can act on for whatever is wrong with a recipe."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Place = tuple[str, ...]


def describe(
    error: ValidationError, model: type[BaseModel], source: str, origins: Mapping[Place, str]
) -> str:
    """The first problem of a validation: where, the value, what is allowed.

    Args:
        source: what the values came from, e.g. a file.
        origins: places whose values came from elsewhere, e.g. an override.
    """
    problems = error.errors(include_url=False)
    # an unknown key explains a missing one, so it comes first
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    place, field, section = _locate(model, first["loc"])
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{_origin(place, source, origins)}: {_problem(first, place, field, section)}{more}"


def _problem(problem: Any, place: Place, field: FieldInfo | None, section: type[BaseModel]) -> str:
    where, kind = ".".join(place), problem["type"]
    if kind == "extra_forbidden":
        return f"{where} is not a known key. {_suggestion(place[-1], section)}"
    if kind == "value_error":
        return f"{where + ': ' if where else ''}{problem['ctx']['error']}"
    if kind == "union_tag_invalid":
        return f"{where}.kind is {_show(problem['ctx']['tag'])}. Allowed: {problem['ctx']['expected_tags']}"
    if kind == "union_tag_not_found":
        return f"{where}.kind is missing. Allowed: {', '.join(_kinds(field))}"
    if kind == "missing":
        return f"{where} is missing. Give {_allowed(problem, field)}"
    if kind in ("model_type", "model_attributes_type"):
        return f"{where} is {_show(problem['input'])}. Allowed: a mapping of keys to values"
    return f"{where} is {_show(problem['input'])}. Allowed: {_allowed(problem, field)}"


def _allowed(problem: Any, field: FieldInfo | None) -> str:
    expected = problem.get("ctx", {}).get("expected")
    if problem["type"] == "literal_error" and expected:
        return str(expected)
    if field is not None and field.description:
        return field.description
    if field is not None and _models(field.annotation):
        return "a mapping with " + ", ".join(_models(field.annotation)[0].model_fields)
    return str(problem["msg"])


def _suggestion(key: str, section: type[BaseModel]) -> str:
    known = list(section.model_fields)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(known)}"


def _locate(
    model: type[BaseModel], location: tuple[int | str, ...]
) -> tuple[Place, FieldInfo | None, type[BaseModel]]:
    """The place as a person writes it, its field, and the section that holds it."""
    place: list[str] = []
    field: FieldInfo | None = None
    section: type[BaseModel] | None = model
    holder = model
    for part in location:
        if section is None and field is not None and part in _kinds(field):
            section = _by_kind(field)[str(part)]  # the union's tag: no key of the recipe
            continue
        place.append(str(part))
        if section is None:
            continue
        holder = section
        field = section.model_fields.get(str(part))
        models = _models(field.annotation) if field is not None else []
        section = models[0] if len(models) == 1 else None
    return tuple(place), field, holder


def _models(annotation: Any) -> list[type[BaseModel]]:
    if get_origin(annotation) in (Union, UnionType):
        return [model for part in get_args(annotation) for model in _models(part)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, BaseModel) else []


def _by_kind(field: FieldInfo) -> dict[str, type[BaseModel]]:
    return {
        str(kind): model
        for model in _models(field.annotation)
        if "kind" in model.model_fields
        for kind in get_args(model.model_fields["kind"].annotation)
    }


def _kinds(field: FieldInfo | None) -> list[str]:
    return [] if field is None else list(_by_kind(field))


def _origin(place: Place, source: str, origins: Mapping[Place, str]) -> str:
    """The override that set the place, something around it or something in it; else the source."""
    for origin, name in origins.items():
        if place[: len(origin)] == origin or origin[: len(place)] == place:
            return name
    return source


def _show(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
