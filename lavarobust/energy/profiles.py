"""Price tables: what one operation costs, from which source, and how well that is known."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, Strict, StringConstraints, TypeAdapter, ValidationError

from lavarobust.errors import SettingsError
from lavarobust.resources import resource_folder

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found]

Term = Literal[
    "accumulate",
    "multiply_accumulate",
    "neuron_update",
    "bias_addition",
    "spike",
    "host_event",
    "gate_draw",
    "soft_reset",
]
"""What a ledger counts and a table can price (``host_event``: an input sent to the chip; ``gate_draw``: a
random number of a stochastic gate, with what is compared; ``soft_reset``: what it takes an update of a neuron
to subtract its threshold, beyond that of one which clears its potential)."""

Evidence = Literal["unstated", "derived", "simulated", "measured"]
"""How a price is known, weakest first; ``derived`` is computed from other published figures, and
no better than those."""

Scope = Literal["per-term", "all-in"]
"""``per-term``: that operation alone. ``all-in``: a synaptic operation with everything around it
(neurons, memory, transport), never to be added to other terms."""

EVIDENCE_GRADES: tuple[Evidence, ...] = get_args(Evidence)
SYNAPTIC_TERMS: tuple[Term, ...] = ("accumulate", "multiply_accumulate")
FILE_LIMIT = 1 << 20

_Text = Annotated[str, Strict(), StringConstraints(strip_whitespace=True, min_length=1)]
_Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
_FORBID = {"extra": "forbid"}


@dataclass(frozen=True)
class Price:
    """The energy of one operation.

    Attributes:
        value: pJ per operation, above 0: what costs nothing known has no price.
        unit: always ``"pJ"``.
        precision: number format or access width the value holds for, e.g. ``"INT32"``.
        source: where it is published.
        evidence: see :data:`Evidence`.
        scope: see :data:`Scope`.
    """

    __pydantic_config__ = _FORBID

    value: _Positive
    unit: Literal["pJ"]
    precision: _Text
    source: _Text
    evidence: Evidence
    scope: Scope


@dataclass(frozen=True)
class Profile:
    """One price table.

    Attributes:
        name: file name without ``.toml``.
        title: one line for people.
        node_nm: process node in nanometres.
        voltage: supply in volts.
        prices: price of each term that has one; a term that is absent has none, which is not zero.
        notes: what the table leaves out.
    """

    __pydantic_config__ = _FORBID

    name: _Text
    title: _Text
    node_nm: _Positive
    voltage: _Positive
    prices: Annotated[Mapping[Term, Price], Field(min_length=1)]
    notes: Annotated[str, Strict(), StringConstraints(strip_whitespace=True)] = ""

    @property
    def all_in(self) -> bool:
        """True where the prices of synaptic operations hold everything else already."""
        return any(price.scope == "all-in" for price in self.prices.values())


_SCHEMA = TypeAdapter(Profile)


def available_profiles() -> tuple[str, ...]:
    """Names of the price tables that travel with the package, sorted."""
    return tuple(sorted(path.stem for path in resource_folder("hw_profiles").glob("*.toml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """The price table of that name, or of a TOML file of one's own.

    Args:
        name_or_path: one of :func:`available_profiles`, or a path (a ``Path``, or a string that ends
            in ``.toml`` or holds a ``/``).

    Raises:
        SettingsError: no such table, not a TOML file, or a content that breaks the schema; the
            message names the file, the key and what is allowed.
    """
    path = _locate(name_or_path)
    content = _parse(path)
    if "name" in content:
        raise SettingsError(f"{path}: name: unknown key. The table is named after its file")
    try:
        profile = _SCHEMA.validate_python({**content, "name": path.stem})
    except ValidationError as error:
        raise SettingsError(f"{path}: {_first_problem(error)}") from None
    _check_scopes(path, profile)
    return profile


def weakest(grades: list[Evidence]) -> Evidence:
    """The weakest of at least one evidence grade."""
    return min(grades, key=EVIDENCE_GRADES.index)


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


def _parse(path: Path) -> dict[str, Any]:
    advice = "Give a TOML file such as those in hw_profiles/"
    try:
        if not path.exists():
            raise SettingsError(f"{path}: no such file. {advice}")
        if not path.is_file():
            raise SettingsError(f"{path}: not a file. {advice}")
        if path.stat().st_size > FILE_LIMIT:
            raise SettingsError(f"{path}: larger than {FILE_LIMIT} bytes, so no price table. {advice}")
        content: dict[str, Any] = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        # ValueError: TOML syntax, bytes that are not UTF-8, a path with a null character
        problem = " ".join(str(error).split())
        raise SettingsError(f"{str(path)!r}: not readable as TOML ({problem}). {advice}") from None
    return content


def _first_problem(error: ValidationError) -> str:
    """One line: the key, what is wrong, what is allowed."""
    first = error.errors(include_url=False)[0]
    # pydantic appends "[key]" to the place where a mapping's key itself is wrong
    place = ".".join(str(part) for part in first["loc"] if part != "[key]") or "file"
    wrong_key = "[key]" in first["loc"]
    kind = first["type"]
    if kind == "missing":
        return f"{place}: missing. Every price and table states it"
    if kind in ("unexpected_keyword_argument", "extra_forbidden"):
        owner = Price if first["loc"][0] == "prices" else Profile
        allowed = ", ".join(field.name for field in fields(owner) if field.name != "name")
        return f"{place}: unknown key. Allowed: {allowed}"
    if kind == "literal_error":
        problem = "unknown term" if wrong_key else f"{first['input']!r} is not allowed"
        return f"{place}: {problem}. Allowed: {first['ctx']['expected']}"
    return f"{place}: {first['msg']}, got {str(first['input'])[:60]!r}"


def _check_scopes(path: Path, profile: Profile) -> None:
    scopes = {price.scope for price in profile.prices.values()}
    if len(scopes) > 1:
        raise SettingsError(
            f"{path}: prices: all-in and per-term prices in one table would count energy twice. "
            "Give every price the same scope"
        )
    others = [term for term in profile.prices if term not in SYNAPTIC_TERMS]
    if profile.all_in and others:
        raise SettingsError(
            f"{path}: prices.{others[0]}: an all-in price is that of a synaptic operation. "
            f"Allowed: {', '.join(SYNAPTIC_TERMS)}"
        )
