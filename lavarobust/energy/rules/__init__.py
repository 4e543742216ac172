"""Rules by name that turn counts into billable operations: as executed, and as others count."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from lavarobust.energy.ledger import Ledger
from lavarobust.energy.rules.conventions import neurobench, spikingjelly, syops
from lavarobust.energy.rules.hire import hire_eq7, hire_eq8, hire_eq8_executed
from lavarobust.energy.rules.operations import Operations, executed
from lavarobust.errors import SettingsError

Rule = Callable[[Ledger], tuple[Operations, ...]]
RULES: Mapping[str, Rule] = {
    "executed": executed,
    "hire-eq7": hire_eq7,
    "hire-eq8": hire_eq8,
    "hire-eq8-executed": hire_eq8_executed,
    "neurobench": neurobench,
    "spikingjelly": spikingjelly,
    "syops": syops,
}
USUAL = ("executed", "hire-eq7", "hire-eq8")
"""Those that a report bills unless it is asked for others."""

__all__ = [
    "RULES",
    "USUAL",
    "Operations",
    "Rule",
    "applicable_rules",
    "executed",
    "find_rule",
    "hire_eq7",
    "hire_eq8",
    "hire_eq8_executed",
    "neurobench",
    "spikingjelly",
    "syops",
]


def applicable_rules(ledger: Ledger, among: Iterable[str] = USUAL) -> tuple[str, ...]:
    """Those of the named rules that this ledger can be billed by, in their order."""
    names = []
    for name in among:
        try:
            find_rule(name)(ledger)
        except SettingsError:
            continue
        names.append(name)
    return tuple(names)


def find_rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        SettingsError: there is none.
    """
    if name not in RULES:
        raise SettingsError(f"no energy rule {name!r}. Choose one of: {', '.join(RULES)}")
    return RULES[name]
