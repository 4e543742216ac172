"""What a hardware profile holds: prices, limits of a chip, and how well each is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal, get_args

from pydantic import Field, Strict, StringConstraints

from lavarobust.errors import SettingsError

Term = Literal[
    "accumulate",
    "multiply_accumulate",
    "graded_addition",
    "active_update",
    "idle_update",
    "bias_addition",
    "spike",
    "relay",
    "host_event",
    "gate_draw",
    "soft_reset",
]
"""What a ledger counts and a table can price. ``graded_addition``: a synaptic operation of a shortcut that
carries real values. ``active_update``: of a neuron whose current, potential from the step before or bias is
not zero; ``idle_update``: of any other. ``spike``: emitted, and sent to the cores that hear it. ``relay``: a
spike or value held back one step so that a shorter path arrives in time. ``host_event``: an input sent to the
chip. ``gate_draw``: a random number of a stochastic gate, with what is compared. ``soft_reset``: what it
takes an update to subtract its threshold, beyond that of one which clears its potential."""

Connection = Literal["dense", "conv"]
"""Kinds of layers whose synaptic operations a table may price apart."""

Evidence = Literal["unstated", "derived", "simulated", "measured"]
"""How a price is known, weakest first; ``derived`` is computed from other published figures, and
no better than those."""

LimitEvidence = Literal["unstated", "derived", "documented", "measured"]
"""How a limit is known, weakest first; ``documented`` is said by the chip's makers."""

Scope = Literal["per-term", "all-in"]
"""``per-term``: that operation alone. ``all-in``: a synaptic operation with everything around it
(neurons, memory, transport), never to be added to other terms."""

LimitName = Literal[
    "cores_per_chip",
    "compartments_per_core",
    "synaptic_memory_bytes_per_core",
    "fan_in_axons_per_core",
    "fan_out_axons_per_core",
    "weight_bits",
    "graded_payload_bits",
]
"""What a chip has of something."""

LIMIT_UNITS: Mapping[LimitName, str] = {
    "cores_per_chip": "cores",
    "compartments_per_core": "compartments",
    "synaptic_memory_bytes_per_core": "bytes",
    "fan_in_axons_per_core": "axons",
    "fan_out_axons_per_core": "axons",
    "weight_bits": "bits",
    "graded_payload_bits": "bits",
}
"""The one unit in which each limit is written."""

EVIDENCE_GRADES: tuple[Evidence, ...] = get_args(Evidence)
SYNAPTIC_TERMS: tuple[Term, ...] = ("accumulate", "multiply_accumulate")

Text = Annotated[str, Strict(), StringConstraints(strip_whitespace=True, min_length=1)]
Positive = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Whole = Annotated[int, Strict(), Field(gt=0)]
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
        by_connection: pJ for kinds of layers that cost otherwise than ``value``, by the same source.
    """

    __pydantic_config__ = _FORBID

    value: Positive
    unit: Literal["pJ"]
    precision: Text
    source: Text
    evidence: Evidence
    scope: Scope
    by_connection: Mapping[Connection, Positive] = field(default_factory=dict)


@dataclass(frozen=True)
class MemoryPoint:
    """The energy of one access to an on-chip memory of some size.

    Attributes:
        capacity_bytes: size of the memory.
        value: pJ per access of ``access_bits``.
        unit: always ``"pJ"``.
        access_bits: width of the access that the value is for; the energy of one bit is their quotient.
        source: where it is published.
        evidence: see :data:`Evidence`.
    """

    __pydantic_config__ = _FORBID

    capacity_bytes: Whole
    value: Positive
    unit: Literal["pJ"]
    access_bits: Whole
    source: Text
    evidence: Evidence


@dataclass(frozen=True)
class Limit:
    """How much a chip has of something.

    Attributes:
        value: whole number above 0.
        unit: that of :data:`LIMIT_UNITS`.
        source: where it is published.
        evidence: see :data:`LimitEvidence`.
    """

    __pydantic_config__ = _FORBID

    value: Whole
    unit: Text
    source: Text
    evidence: LimitEvidence


@dataclass(frozen=True)
class Profile:
    """A price table, the limits of a chip, or both.

    Attributes:
        name: file name without ``.toml``.
        title: one line for people.
        node_nm: process node in nanometres; None only without prices.
        voltage: supply in volts; None only without prices.
        prices: price of each term that has one; a term that is absent has none, which is not zero.
        memory: accesses to memories of growing size; empty where none is known.
        limits: those that are known.
        notes: what the table leaves out.
    """

    __pydantic_config__ = _FORBID

    name: Text
    title: Text
    node_nm: Positive | None = None
    voltage: Positive | None = None
    prices: Mapping[Term, Price] = field(default_factory=dict)
    memory: tuple[MemoryPoint, ...] = ()
    limits: Mapping[LimitName, Limit] = field(default_factory=dict)
    notes: Annotated[str, Strict(), StringConstraints(strip_whitespace=True)] = ""

    @property
    def all_in(self) -> bool:
        """True where the prices of synaptic operations hold everything else already."""
        return any(price.scope == "all-in" for price in self.prices.values())

    def price(self, term: Term, connection: Connection | None = None) -> Price | None:
        """What a term costs, for a kind of layer where the table prices kinds apart; None without a price."""
        entry = self.prices.get(term)
        if entry is None or connection is None:
            return entry
        return replace(entry, value=entry.by_connection.get(connection, entry.value))


def weakest(grades: Sequence[Evidence]) -> Evidence:
    """The weakest of at least one evidence grade."""
    return min(grades, key=EVIDENCE_GRADES.index)


def require_prices(profile: Profile) -> None:
    """Refuses to price anything with a profile that holds limits only.

    Raises:
        SettingsError: it has no price.
    """
    if not profile.prices:
        raise SettingsError(
            f"profile {profile.name} holds limits of a chip and no prices, so it gives no energy. "
            "Probe a board, or take prices that you can defend, and give them as a TOML file of your own "
            "(--profile mine.toml), written like those in hw_profiles/"
        )
