"""How others would count the same execution: each rule beside what was executed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lavarobust.energy import Profile, make_ledger, price
from lavarobust.energy.comparison import compare_rules
from lavarobust.errors import SettingsError
from lavarobust.reporting.page.document import Plain, Section, printable
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.words import energy, number
from lavarobust.reporting.tables import Table

_SAID = {
    "executed": "what the execution counted",
    "hire-eq7": "HIRE-SNN, Eq. 7: each layer's dense operations times the rate of its input",
    "hire-eq8": "HIRE-SNN, Eq. 8: likewise, but the first layer as MACs, once",
    "hire-eq8-executed": "HIRE-SNN, Eq. 8, the first layer's MACs as they were executed",
    "neurobench": "NeuroBench, effective operations",
    "spikingjelly": "SpikingJelly: spikes are 0 or 1, all else is a MAC",
    "syops": "syops-counter: dense operations times the rate",
}


def rules_data(measured: Measured, profile: Profile | None) -> Plain:
    """Operations per image by each rule, and their energy by one price table."""
    ledger = make_ledger(measured.clean, measured.subject.model)
    rules = [
        {
            "rule": count.rule,
            "accumulates": count.accumulates,
            "multiply_accumulates": count.multiply_accumulates,
            "refused": count.refusal or None,
            "energy_pj": None if count.refusal else _energy(measured, profile, count.rule),
        }
        for count in compare_rules(ledger)
        if count.layer == "all"
    ]
    name = None if profile is None else profile.name
    return {"name": measured.subject.name, "profile": name, "rules": rules}


def _energy(measured: Measured, profile: Profile | None, rule: str) -> float | None:
    if profile is None:
        return None
    try:
        return price(measured.clean, measured.subject.model, profile, rule).total_pj.mean
    except SettingsError:
        return None


def rules_section(models: Sequence[Measured], profiles: Sequence[Profile | None]) -> Section:
    """A table of all rules.

    Args:
        profiles: per model the price table of its figures; None where all refuse.
    """
    data = [rules_data(each, profile) for each, profile in zip(models, profiles, strict=True)]
    rows = [(each["name"], *_row(rule)) for each in data for rule in each["rules"]]
    refused = dict.fromkeys(
        f"{rule['rule']} does not hold for {each['name']}: {printable(rule['refused'])}"
        for each in data
        for rule in each["rules"]
        if rule["refused"]
    )
    used = ", ".join(dict.fromkeys(each["profile"] or "none" for each in data))
    notes = (f"Mean of the same images. Price table: {used}.", *refused)
    columns = ("model", "rule", "AC per image", "MAC per image", "energy")
    return Section(
        "rules", "How others would count", (Table("Rules side by side", columns, tuple(rows), notes),), data
    )


def _row(rule: dict[str, Any]) -> tuple[str, ...]:
    said = _SAID.get(rule["rule"], rule["rule"])
    if rule["refused"]:
        return said, "does not hold", "", ""
    counts = (number(rule[count]) for count in ("accumulates", "multiply_accumulates"))
    return said, *counts, energy(rule["energy_pj"])
