"""How others would count the same execution: each rule beside what was executed."""

from __future__ import annotations

from collections.abc import Sequence

from lavarobust.energy import Profile
from lavarobust.reporting.page.document import Plain, Section
from lavarobust.reporting.page.energy import rule_bills
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.words import energy, number
from lavarobust.reporting.tables import Table

_SAID = {
    "executed": "what the execution counted",
    "hire-eq7": "HIRE-SNN, Eq. 7: every layer by the rate of its input",
    "hire-eq8": "HIRE-SNN, Eq. 8: the first layer as MACs, once",
}


def rules_data(measured: Measured, tables: Sequence[Profile]) -> Plain:
    """Operations per image by each rule that applies, and their energy by each table."""
    rules: dict[str, dict] = {}
    for table in tables:
        for bill in rule_bills(measured, table):
            entry = rules.setdefault(bill.rule, {"operations": {}, "energy_pj": {}})
            for line in bill.lines:
                if not entry["energy_pj"]:
                    entry["operations"][line.term] = entry["operations"].get(line.term, 0.0) + line.operations
            entry["energy_pj"][table.name] = bill.total_pj.mean
    return {"name": measured.subject.name, "rules": rules}


def rules_section(models: Sequence[Measured], tables: Sequence[Profile]) -> Section:
    """A table of all rules."""
    data = [rules_data(each, tables) for each in models]
    names = [table.name for table in tables]
    rows = [
        (
            each["name"],
            _SAID.get(rule, rule),
            *(
                number(found["operations"][term]) if term in found["operations"] else "-"
                for term in ("accumulate", "multiply_accumulate")
            ),
            *(energy(found["energy_pj"].get(name)) for name in names),
        )
        for each in data
        for rule, found in each["rules"].items()
    ]
    columns = ("model", "rule", "AC", "MAC", *names)
    table = Table("Rules side by side, per image", columns, tuple(rows))
    return Section("rules", "How others would count", (table,), data)
