"""What an image costs: counts of the execution times the prices of each table, clean and attacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lavarobust.energy import Profile
from lavarobust.energy.profiles import require_prices
from lavarobust.errors import SettingsError
from lavarobust.experiment.bill import bills_of
from lavarobust.record import Record
from lavarobust.reporting.page.document import Block, Figure, Plain, Section, Text, printable
from lavarobust.reporting.page.energy_figure import energy_figure
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.words import energy, number
from lavarobust.reporting.tables import Table, energy_table

EXECUTED = "executed"


def energy_data(measured: Measured, tables: Sequence[Profile]) -> dict[str, Any]:
    """One model's bills by each table, or why a table refuses; and those under attack beside clean."""
    subject, result = measured.subject, measured.attacked
    data: dict[str, Any] = {
        "name": subject.name,
        "images": subject.source,
        "samples": measured.clean.samples,
        "backend": measured.clean.backend,
        "bills": [_priced(measured, measured.clean, table) for table in tables],
        "attacked": None,
    }
    if result is not None:
        outcome = next(each for each in result.outcomes if each.threat.epsilon == measured.epsilon)
        before, after = result.clean.record, outcome.executed.record
        data["attacked"] = {
            "attack": outcome.settings.name,
            "epsilon": outcome.threat.epsilon,
            "samples": before.samples,
            "bills": [
                {"clean": _priced(measured, before, table), "attacked": _priced(measured, after, table)}
                for table in tables
            ],
        }
    return data


def _priced(measured: Measured, record: Record, table: Profile) -> dict[str, Any]:
    """The bill of what was executed, as plain data; a table that can't price it says why."""
    about = {"profile": table.name, "title": table.title, "refused": None}
    try:
        require_prices(table)
        (bill,) = bills_of(record, measured.subject.model, [table], [EXECUTED])
    except SettingsError as error:
        return about | {"refused": str(error)}
    return about | bill.as_dict()


def main_bill(data: Plain) -> Plain | None:
    """The first bill that is no refusal: the one of the figure and of the line on top.

    Tables stand in the same order for every model, those that price all of a page's models first.
    """
    return next((bill for bill in data["bills"] if bill["refused"] is None), None)


def energy_section(models: Sequence[Measured], tables: Sequence[Profile]) -> Section:
    """Bars per layer and term, totals by every table, what has no price, and the ANN."""
    data = [energy_data(each, tables) for each in models]
    _order(data)
    blocks: list[Block] = [
        Text(
            "Counted and priced, not measured: exact counts of the executed integers times published prices "
            "of single operations. What a table has no price for is named, and is in no total."
        )
    ]
    blocks += [_breakdown(f"energy-{place}", each) for place, each in enumerate(data) if main_bill(each)]
    blocks += [_totals(data), _prices(data, tables)]
    blocks += [_unpriced(each) for each in data if main_bill(each)]
    blocks += [_lines(each) for each in data if main_bill(each)]
    if any(each["attacked"] for each in data):
        blocks.append(_under_attack(data))
    # a published card may be of an older counting; a run is evaluated by this one
    if evaluations := [each.subject.evaluation for each in models if each.subject.folder is not None]:
        blocks.append(energy_table(evaluations))
    return Section("energy", "Energy", tuple(blocks), data)


def _breakdown(name: str, each: Plain) -> Figure:
    bill = main_bill(each)
    assert bill is not None
    total = bill["total_pj"]["mean"]
    parts: dict[str, float] = {}
    for line in bill["lines"]:
        parts[line["layer"]] = parts.get(line["layer"], 0.0) + line["energy_pj"]
    shares = "; ".join(f"{printable(layer)} {100 * part / total:.0f} %" for layer, part in parts.items())
    return Figure(
        energy_figure(name, bill["lines"]),
        f"{each['name']}: {energy(total)} per image by layer and kind of operation, prices of "
        f"{bill['profile']} (weakest evidence: {bill['weakest_evidence']}). Mean of {each['samples']:,} "
        f"images of {each['images']}, counted on {each['backend']}.",
        f"Share of each layer in {energy(total)}: {shares}.",
    )


def _totals(data: Sequence[Plain]) -> Table:
    rows = []
    for each in data:
        for bill in each["bills"]:
            if bill["refused"] is not None:
                rows.append((each["name"], bill["profile"], "refused", "", "", "", ""))
                continue
            spread, ann = bill["total_pj"], bill["ann"]
            rows.append(
                (
                    each["name"],
                    bill["profile"],
                    bill["weakest_evidence"],
                    energy(spread["mean"]),
                    energy(spread["median"]),
                    energy(spread["p95"]),
                    energy(ann["energy_pj"]),
                )
            )
    refused: dict[str, list[str]] = {}
    for each in data:
        for bill in each["bills"]:
            if bill["refused"]:
                refused.setdefault(bill["profile"], []).append(bill["refused"])
    titles = dict.fromkeys(f"{bill['profile']}: {bill['title']}" for each in data for bill in each["bills"])
    reasons = [
        f"{name} refuses: {whys[0]}" + (f" (likewise {len(whys) - 1} more)" if whys[1:] else "")
        for name, whys in refused.items()
    ]
    return Table(
        "Energy per image by price table",
        ("model", "price table", "weakest evidence", "mean", "median", "95th percentile", "same ANN, dense"),
        tuple(rows),
        tuple(f"{printable(said)}." for said in (*titles, *reasons)),
        left=3,
    )


def _order(data: Sequence[dict[str, Any]]) -> None:
    """Put the tables first that refuse no model, so that models side by side are priced by the same one."""
    refusing = {bill["profile"] for each in data for bill in each["bills"] if bill["refused"] is not None}
    for each in data:
        each["bills"].sort(key=lambda bill: bill["profile"] in refusing)


def _prices(data: Sequence[Plain], tables: Sequence[Profile]) -> Table:
    """Every price that stands in a total, with where it comes from."""
    used = {
        (bill["profile"], line["term"], line["price_pj"])
        for each in data
        for bill in each["bills"]
        if bill["refused"] is None
        for line in bill["lines"]
    }
    rows = [
        (
            table.name,
            term.replace("_", " "),
            f"{value:g} {price.unit}",
            f"{table.node_nm:g} nm, {table.voltage:g} V",
            price.precision,
            price.scope,
            price.evidence,
        )
        for table in tables
        for term, price in table.prices.items()
        for value in sorted(value for name, of, value in used if (name, of) == (table.name, term))
    ]
    columns = ("price table", "operation", "price", "process", "format", "scope", "evidence")
    sources = dict.fromkeys(
        f"{table.name}, {term.replace('_', ' ')}: {price.source}."
        for table in tables
        for term, price in table.prices.items()
        if any((table.name, term) == entry[:2] for entry in used)
    )
    return Table("Prices in these totals", columns, tuple(rows), tuple(sources), left=7)


def _unpriced(each: Plain) -> Text:
    bill = main_bill(each)
    assert bill is not None
    parts = [
        item["term"].replace("_", " ")
        + ("" if item["operations"] is None else f" ({number(item['operations'])} per image)")
        for item in bill["unpriced"]
        if item["operations"] != 0
    ]
    return Text(f"{each['name']}, {bill['profile']}: not in the total: {', '.join(parts) or 'nothing'}.")


def _lines(each: Plain) -> Table:
    bill = main_bill(each)
    assert bill is not None
    rows = [
        (
            printable(line["layer"]),
            line["term"].replace("_", " "),
            number(line["operations"]),
            f"{line['price_pj']:g}",
            energy(line["energy_pj"]),
        )
        for line in bill["lines"]
    ]
    columns = ("layer", "operation", "per image", "pJ each", "per image, energy")
    return Table(f"Bill of {each['name']}, {bill['profile']}", columns, tuple(rows))


def _under_attack(data: Sequence[Plain]) -> Table:
    rows = []
    for each in data:
        attacked = each["attacked"]
        for pair in attacked["bills"] if attacked else ():
            if pair["clean"]["refused"] is None:
                before, after = (pair[which]["total_pj"]["mean"] for which in ("clean", "attacked"))
                times = f"{after / before:.2f}" if before else "-"
                at = f"{attacked['attack']} at {attacked['epsilon']:g}, {attacked['samples']} images"
                rows.append(
                    (each["name"], at, pair["clean"]["profile"], energy(before), energy(after), times)
                )
    columns = ("model", "attack", "price table", "clean", "attacked", "times")
    note = "Energy per image of the same images; the attack aims at the answer, not at the cost."
    return Table("Energy under attack", columns, tuple(rows), (note,), left=3)
