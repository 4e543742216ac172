"""Hardware profiles as TOML files: found by name or path, read, and refused with the line that is wrong."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lavarobust.energy.profiles import LIMIT_UNITS, SYNAPTIC_TERMS, Limit, MemoryPoint, Price, Profile
from lavarobust.energy.toml_lines import line_of
from lavarobust.errors import SettingsError
from lavarobust.resources import resource_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found]

FILE_LIMIT = 1 << 16
LINE_LIMIT = 2000
_ADVICE = "Give a TOML file such as those in hw_profiles/"
_SCHEMA = TypeAdapter(Profile)
_PARTS: dict[str | int, type] = {"prices": Price, "memory": MemoryPoint, "limits": Limit}


class _FaultError(Exception):
    """What breaks the schema, and at which keys."""

    def __init__(self, place: Sequence[str | int], problem: str) -> None:
        super().__init__(problem)
        self.place, self.problem = tuple(place), problem


def available_profiles() -> tuple[str, ...]:
    """Names of the profiles that travel with the package, sorted."""
    return tuple(sorted(path.stem for path in resource_folder("hw_profiles").glob("*.toml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """The profile of that name, or of a TOML file of one's own.

    Args:
        name_or_path: one of :func:`available_profiles`, or a path (a ``Path``, or a string that ends
            in ``.toml`` or holds a ``/``).

    Raises:
        SettingsError: no such profile, not a TOML file, or a content that breaks the schema; the
            message names the file, the line, the key and what is allowed.
    """
    path = _locate(name_or_path)
    text, content = _parse(path)
    try:
        return _checked(content, path.stem)
    except _FaultError as fault:
        place = ".".join(map(str, fault.place)) or "file"
        line = line_of(text, fault.place)
        raise SettingsError(f"{path}, line {line}: {place}: {fault.problem}") from None


def _locate(name_or_path: str | Path) -> Path:
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml") or "/" in name_or_path:
        return Path(name_or_path)
    known = available_profiles()
    if name_or_path not in known:
        raise SettingsError(
            f"no price table {name_or_path!r}. Choose one of: {', '.join(known)}; "
            "or give the path of a TOML file"
        )
    return resource_folder("hw_profiles") / f"{name_or_path}.toml"


def _parse(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        if not path.exists():
            raise SettingsError(f"{path}: no such file. {_ADVICE}")
        if not path.is_file():
            raise SettingsError(f"{path}: not a file. {_ADVICE}")
        if path.stat().st_size > FILE_LIMIT:
            raise SettingsError(f"{path}: larger than {FILE_LIMIT} bytes, so no price table. {_ADVICE}")
        text = path.read_bytes().decode("utf-8")
        if text.count("\n") > LINE_LIMIT:
            raise SettingsError(f"{path}: more than {LINE_LIMIT} lines, so no price table. {_ADVICE}")
        content: dict[str, Any] = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        # ValueError: TOML syntax, bytes that are not UTF-8, a path with a null character
        problem = " ".join(str(error).split())
        raise SettingsError(f"{str(path)!r}: not readable as TOML ({problem}). {_ADVICE}") from None
    return text, content


def _checked(content: dict[str, Any], name: str) -> Profile:
    if "name" in content:
        raise _FaultError(["name"], "unknown key. The table is named after its file")
    try:
        profile = _SCHEMA.validate_python({**content, "name": name})
    except ValidationError as error:
        raise _first_fault(error) from None
    _check_completeness(profile)
    _check_scopes(profile)
    _check_connections(profile)
    _check_memory(profile)
    _check_limits(profile)
    return profile


def _first_fault(error: ValidationError) -> _FaultError:
    """The first key that is wrong, and what is allowed there."""
    first = error.errors(include_url=False)[0]
    # pydantic appends "[key]" to the place where a mapping's key itself is wrong
    wrong_key = "[key]" in first["loc"]
    place = [part for part in first["loc"] if part != "[key]"]
    kind = first["type"]
    if kind in ("missing", "missing_argument"):
        return _FaultError(place, "missing. Every profile, price, memory and limit states it")
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        owner = _PARTS.get(place[0], Profile)
        allowed = ", ".join(field.name for field in fields(owner) if field.name != "name")
        return _FaultError(place, f"unknown key. Allowed: {allowed}")
    if kind == "literal_error":
        problem = "unknown key" if wrong_key else f"{str(first['input'])[:60]!r} is not allowed"
        return _FaultError(place, f"{problem}. Allowed: {first['ctx']['expected']}")
    return _FaultError(place, f"{first['msg']}, got {str(first['input'])[:60]!r}")


def _check_completeness(profile: Profile) -> None:
    if not profile.prices and not profile.limits:
        raise _FaultError([], "neither prices nor limits. Add a table such as [prices.accumulate]")
    if profile.memory and not profile.prices:
        raise _FaultError(["memory"], "prices of memory and none of operations. Add [prices.accumulate]")
    for key in ("node_nm", "voltage"):
        if profile.prices and getattr(profile, key) is None:
            raise _FaultError([key], "missing. Prices hold for one process and voltage: state them")


def _check_scopes(profile: Profile) -> None:
    scope = next((price.scope for price in profile.prices.values()), None)
    for term, price in profile.prices.items():
        if price.scope != scope:
            raise _FaultError(
                ["prices", term, "scope"],
                "all-in and per-term prices in one table would count energy twice. "
                "Give every price the same scope",
            )
        if profile.all_in and term not in SYNAPTIC_TERMS:
            raise _FaultError(
                ["prices", term],
                f"an all-in price is that of a synaptic operation. Allowed: {', '.join(SYNAPTIC_TERMS)}",
            )
    if profile.all_in and profile.memory:
        raise _FaultError(["memory"], "an all-in price holds the memory already. Take the memory out")


def _check_connections(profile: Profile) -> None:
    for term, price in profile.prices.items():
        if price.by_connection and term not in SYNAPTIC_TERMS:
            raise _FaultError(
                ["prices", term, "by_connection"],
                f"only synaptic operations differ by connection. Allowed for: {', '.join(SYNAPTIC_TERMS)}",
            )


def _check_memory(profile: Profile) -> None:
    sizes = [point.capacity_bytes for point in profile.memory]
    for index in range(1, len(sizes)):
        if sizes[index] <= sizes[index - 1]:
            raise _FaultError(
                ["memory", index, "capacity_bytes"],
                f"{sizes[index]} after {sizes[index - 1]}. List the memories from small to large",
            )


def _check_limits(profile: Profile) -> None:
    for name, limit in profile.limits.items():
        if limit.unit != LIMIT_UNITS[name]:
            raise _FaultError(
                ["limits", name, "unit"], f"{limit.unit!r} is not allowed. Allowed: {LIMIT_UNITS[name]!r}"
            )
