"""The bill: counts times prices, with what has no price named beside it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lavarobust.energy.baseline import BASIS
from lavarobust.energy.ledger import Ledger, Spread, make_ledger, spread
from lavarobust.energy.profiles import SYNAPTIC_TERMS, Evidence, Profile, Term, require_prices, weakest
from lavarobust.energy.rules import Operations, executed, find_rule
from lavarobust.errors import SettingsError
from lavarobust.netx.model import Model
from lavarobust.record import Record

INSIDE = "inside the all-in price of a synaptic operation"

COLUMNS = ("layer", "term", "operations", "price_pj", "energy_pj")


@dataclass(frozen=True)
class BillLine:
    """One priced term of one layer.

    Attributes:
        layer: name of the layer, or ``"host"``.
        term: kind of operation.
        operations: per sample, mean over samples.
        price_pj: of one operation.
        energy_pj: per sample, mean over samples.
    """

    layer: str
    term: Term
    operations: float
    price_pj: float
    energy_pj: float


@dataclass(frozen=True)
class Unpriced:
    """Something that costs energy and isn't in the total.

    Attributes:
        term: kind of operation.
        operations: per sample over all layers, mean over samples; None where nothing counts it.
        reason: why it isn't in the total.
    """

    term: str
    operations: float | None
    reason: str


@dataclass(frozen=True)
class Baseline:
    """The ANN of the same shape under the same prices, for one image.

    Attributes:
        multiply_accumulates: of one dense pass.
        price_pj: of one multiply-accumulate; None where the table has none.
        energy_pj: None where there is no price.
        basis: what was counted.
    """

    multiply_accumulates: int
    price_pj: float | None
    energy_pj: float | None
    basis: str


@dataclass(frozen=True)
class Bill:
    """What an execution would cost with the prices of one table; counted and priced, not measured.

    Attributes:
        backend: that produced the counts.
        model: name of the model.
        profile: name of the price table.
        rule: that turned counts into operations.
        samples: N.
        lines: one for each layer and priced term.
        total_pj: energy of one sample over all lines, in pJ.
        unpriced: what isn't in the total.
        weakest_evidence: the weakest grade among the prices used, the baseline's included.
        ann: the baseline.
        ann_over_snn: the baseline's energy as a multiple of the mean total; None where either is
            unknown or the total is 0.
    """

    backend: str
    model: str
    profile: str
    rule: str
    samples: int
    lines: tuple[BillLine, ...]
    total_pj: Spread
    unpriced: tuple[Unpriced, ...]
    weakest_evidence: Evidence
    ann: Baseline
    ann_over_snn: float | None

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        plain = asdict(self)
        for name in ("lines", "unpriced"):
            plain[name] = list(plain[name])
        return plain

    def rows(self) -> list[dict[str, Any]]:
        """Rows of a table: every line, the total per sample, what is unpriced, the ANN.

        Each row has the keys ``layer``, ``term``, ``operations``, ``price_pj`` and ``energy_pj``; None
        where a figure doesn't exist.
        """
        rows = [asdict(line) for line in self.lines]
        rows.append(_row("all", "total", None, None, self.total_pj.mean))
        for item in self.unpriced:
            rows.append(_row("all", f"{item.term} (unpriced)", item.operations, None, None))
        ann = self.ann
        rows.append(_row("ANN", "multiply_accumulate", ann.multiply_accumulates, ann.price_pj, ann.energy_pj))
        return rows


def price(record: Record, model: Model, profile: Profile, rule: str = "executed") -> Bill:
    """The energy of an execution, per sample, with the prices of a table.

    Args:
        record: of an execution of ``model``.
        model: its integers and shapes.
        profile: the price table.
        rule: ``executed`` (exact counts), or another of :data:`lavarobust.energy.rules.RULES`.

    Raises:
        SettingsError: no such rule, a rule that doesn't hold for this record, or a table without
            prices, or without one for the model's synaptic operations.
        DataError, ModelFileError: see :func:`lavarobust.energy.ledger.make_ledger`.
    """
    require_prices(profile)
    ledger = make_ledger(record, model)
    billable = find_rule(rule)(ledger)
    _check_synaptic_prices(ledger, billable, profile)
    prices = [(row, profile.price(row.term, row.connection)) for row in billable]
    priced = [(row, price.value) for row, price in prices if price is not None]
    if not priced:
        raise SettingsError(f"price table {profile.name} prices nothing that {ledger.model} executes")
    lines = tuple(_line(row, price_pj) for row, price_pj in priced)
    total_pj = spread(np.sum([row.count * price_pj for row, price_pj in priced], axis=0))
    ann = _baseline(ledger, profile)
    terms: set[Term] = {row.term for row, _ in priced}
    used: set[Term] = terms if ann.energy_pj is None else terms | {"multiply_accumulate"}
    return Bill(
        backend=ledger.backend,
        model=ledger.model,
        profile=profile.name,
        rule=rule,
        samples=ledger.samples,
        lines=lines,
        total_pj=total_pj,
        unpriced=_unpriced(ledger, terms, profile, rule),
        weakest_evidence=weakest([profile.prices[term].evidence for term in used]),
        ann=ann,
        ann_over_snn=None if ann.energy_pj is None or total_pj.mean == 0 else ann.energy_pj / total_pj.mean,
    )


def _line(row: Operations, price_pj: float) -> BillLine:
    operations = float(np.mean(row.count))
    return BillLine(row.layer, row.term, operations, price_pj, operations * price_pj)


def _check_synaptic_prices(ledger: Ledger, billable: tuple[Operations, ...], profile: Profile) -> None:
    for row in billable:
        if row.term in SYNAPTIC_TERMS and row.term not in profile.prices:
            raise SettingsError(
                f"price table {profile.name} has no price for {row.term}, which layer {row.layer} of "
                f"{ledger.model} executes. Choose a table that prices it; this one prices "
                f"{', '.join(profile.prices)}"
            )


def _baseline(ledger: Ledger, profile: Profile) -> Baseline:
    operations = sum(layer.shape.multiply_accumulates for layer in ledger.layers)
    entry = profile.prices.get("multiply_accumulate")
    if entry is None:
        return Baseline(operations, None, None, BASIS)
    return Baseline(operations, entry.value, operations * entry.value, BASIS)


def _unpriced(ledger: Ledger, billed: set[Term], profile: Profile, rule: str) -> tuple[Unpriced, ...]:
    """Every term that the execution had and the total hasn't, and what no ledger counts."""
    counted: dict[Term, np.ndarray] = {}
    for row in executed(ledger):
        if row.term not in billed:
            counted[row.term] = counted.get(row.term, np.int64(0)) + row.count
    items = []
    for term, count in counted.items():
        if profile.all_in:
            reason = INSIDE
        elif term in profile.prices:
            reason = f"the rule {rule} leaves it out"
        else:
            reason = f"{profile.name} has no price for it"
        items.append(Unpriced(term, float(np.mean(count)), reason))
    uncounted = ["memory_access", "static_power"]
    if ledger.host_events is None:
        uncounted += ["host_event", "input_bias_addition"]
    for name in uncounted:
        items.append(Unpriced(name, None, INSIDE if profile.all_in else "an execution doesn't count it"))
    return tuple(items)


def _row(
    layer: str, term: str, operations: float | None, price_pj: float | None, energy_pj: float | None
) -> dict[str, Any]:
    return dict(zip(COLUMNS, (layer, term, operations, price_pj, energy_pj), strict=True))
