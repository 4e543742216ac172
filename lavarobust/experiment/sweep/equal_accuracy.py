"""Spiking networks and their ANN at equal clean accuracy: the least T that reaches it, and what that costs.

The comparison of HIRE-SNN (Kundu, Pedram & Beerel, ICCV 2021, Fig. 10a and 11). Equal means: the target is
the smallest of the rows' best mean accuracies over T, so that every row reaches it with some T of the sweep,
and a row's T is its smallest whose mean accuracy over the seeds is at least the target. Nothing is
interpolated between the values of T, or extrapolated beyond them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lavarobust.energy import Profile, load_profile
from lavarobust.errors import DataError
from lavarobust.experiment.sweep.file import Axis
from lavarobust.experiment.sweep.gather import SeedSpread, SweepRow, spread

TABLES = ("horowitz_45nm_fp32", "horowitz_45nm_int32")
"""Price tables: those of HIRE-SNN's Table 7."""

Kind = Literal["direct", "rate-coded", "ANN"]
Counted = Literal["equation", "executed"]

_EQUATIONS: Mapping[str, Kind] = {"hire-eq8": "direct", "hire-eq7": "rate-coded"}
_Operations = Mapping[Counted, Mapping[str, Sequence[float]]]
"""Per image, by how they are counted, by term and by seed."""


@dataclass(frozen=True)
class Energy:
    """What one image costs by one price table.

    Attributes:
        table: its name.
        counted: operations by the paper's ``equation`` (Eq. 8 of direct input, Eq. 7 of spikes), or as
            ``executed``; both are one dense pass for the ANN.
        picojoule: by seed.
        times: the reference's energy by the same table and count, seed by seed.
    """

    table: str
    counted: Counted
    picojoule: SeedSpread
    times: SeedSpread


@dataclass(frozen=True)
class Method:
    """One row of the comparison; figures are per clean image, by seed.

    Attributes:
        name: of the sweep's row, or ``ANN``.
        kind: what its first layer receives, as the equation that holds for it says.
        steps: T; None for the ANN, which has none.
        accuracy: share of right images; of a row on the deployed integers, of the ANN in floating point.
        reached: whether the mean accuracy is at least the target; always true of a row.
        accumulates, multiply_accumulates: executed synaptic operations; of the ANN those of a dense pass.
        energies: by price table and count.
    """

    name: str
    kind: Kind
    steps: int | None
    accuracy: SeedSpread
    reached: bool
    accumulates: SeedSpread
    multiply_accumulates: SeedSpread
    energies: tuple[Energy, ...]


@dataclass(frozen=True)
class EqualAccuracy:
    """The comparison.

    Attributes:
        reference: the row whose energies the others' are multiples of.
        target: mean accuracy that every row reaches.
        methods: the rows in their order, then the ANN that the reference started from.
    """

    reference: str
    target: float
    methods: tuple[Method, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self)


def equal_accuracy(rows: Sequence[SweepRow], axis: Axis, reference: str) -> EqualAccuracy | None:
    """The rows of a sweep over T at equal clean accuracy; None while a unit of it is not done.

    Args:
        axis: over ``network.steps``.
        reference: the curve whose networks started from an analog one.

    Raises:
        DataError: results that do not say what the comparison needs, as older ones do not.
    """
    if any(row.missing for row in rows):
        return None
    curves: dict[str, dict[int, SweepRow]] = {}
    for row in rows:
        curve, steps = axis.places[row.name]
        curves.setdefault(curve, {})[int(steps)] = row
    target = min(max(map(_accuracy, curve.values())) for curve in curves.values())
    least = {
        name: min(steps for steps, row in curve.items() if _accuracy(row) >= target)
        for name, curve in curves.items()
    }
    base = curves[reference][least[reference]]
    _, theirs = _operations(base)
    methods = [_method(name, steps, curves[name][steps], theirs) for name, steps in least.items()]
    return EqualAccuracy(reference, target, (*methods, _ann(base, target, theirs)))


def _accuracy(row: SweepRow) -> float:
    return row.figures["accuracy"].mean


def _method(name: str, steps: int, row: SweepRow, theirs: _Operations) -> Method:
    kind, ours = _operations(row)
    return Method(
        name,
        kind,
        steps,
        row.figures["accuracy"],
        True,
        row.figures["accumulates"],
        row.figures["multiply_accumulates"],
        _energies(ours, theirs),
    )


def _ann(base: SweepRow, target: float, theirs: _Operations) -> Method:
    accuracy, dense = _figure(base, "analog accuracy"), _figure(base, "ANN operations")
    ours = {"multiply_accumulate": dense.values}
    nothing = spread([0.0] * len(base.seeds))
    energies = _energies({"equation": ours, "executed": ours}, theirs)
    return Method("ANN", "ANN", None, accuracy, accuracy.mean >= target, nothing, dense, energies)


def _operations(row: SweepRow) -> tuple[Kind, _Operations]:
    """By the equation that holds for a row's input, and as executed."""
    for rule, kind in _EQUATIONS.items():
        if equation := _by_term(row, rule):
            return kind, {"equation": equation, "executed": _by_term(row, "executed")}
    raise DataError(
        f"row {row.name!r}: its results say no operations by {' or '.join(_EQUATIONS)}. Remove them where "
        "they are older than this comparison, and their units are done again; a network with payloads "
        "inside, recurrence or shortcuts can't be compared so"
    )


def _by_term(row: SweepRow, rule: str) -> dict[str, Sequence[float]]:
    begin = f"operations, {rule}, "
    return {
        key.removeprefix(begin): figure.values for key, figure in row.figures.items() if key.startswith(begin)
    }


def _figure(row: SweepRow, key: str) -> SeedSpread:
    if key not in row.figures:
        raise DataError(
            f"row {row.name!r}: its results say no {key}, as they are older than this comparison. Remove "
            "them, and their units are done again"
        )
    return row.figures[key]


def _energies(ours: _Operations, theirs: _Operations) -> tuple[Energy, ...]:
    made = []
    for table in map(load_profile, TABLES):
        for counted, operations in ours.items():
            spent, reference = _spent(operations, table), _spent(theirs[counted], table)
            times = [one / other for one, other in zip(spent, reference, strict=True)]
            made.append(Energy(table.name, counted, spread(spent), spread(times)))
    return tuple(made)


def _spent(operations: Mapping[str, Sequence[float]], table: Profile) -> list[float]:
    """pJ by seed, of the terms that have a price."""
    priced = [
        [count * price.value for count in operations[term]]
        for term, price in table.prices.items()
        if term in operations
    ]
    return [sum(seed) for seed in zip(*priced, strict=True)]
