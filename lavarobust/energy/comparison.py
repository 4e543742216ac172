"""What each counting rule makes of one execution, side by side and before any price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.energy.ledger import Ledger
from lavarobust.energy.profiles import Term
from lavarobust.energy.rules import RULES
from lavarobust.energy.rules.operations import Operations
from lavarobust.errors import SettingsError


@dataclass(frozen=True)
class RuleCount:
    """Synaptic operations by one rule, per sample, mean over samples.

    Attributes:
        rule: its name.
        layer: one layer's, or ``"all"``; ``"all"`` alone where the rule does not hold.
        accumulates: None where the rule does not hold.
        multiply_accumulates: None where the rule does not hold.
        refusal: why it does not hold; empty where it does.
    """

    rule: str
    layer: str
    accumulates: float | None
    multiply_accumulates: float | None
    refusal: str = ""


def compare_rules(ledger: Ledger) -> tuple[RuleCount, ...]:
    """Accumulates and multiply-accumulates by every rule: of each layer with synapses, then of all
    together."""
    counts: list[RuleCount] = []
    for name, rule in RULES.items():
        try:
            operations = rule(ledger)
        except SettingsError as error:
            counts.append(RuleCount(name, "all", None, None, str(error)))
            continue
        for layer in (layer.layer for layer in ledger.layers if layer.has_synapses):
            counts.append(_count(name, layer, [row for row in operations if row.layer == layer]))
        counts.append(_count(name, "all", operations))
    return tuple(counts)


def _count(rule: str, layer: str, operations: tuple[Operations, ...] | list[Operations]) -> RuleCount:
    return RuleCount(rule, layer, _mean(operations, "accumulate"), _mean(operations, "multiply_accumulate"))


def _mean(operations: tuple[Operations, ...] | list[Operations], term: Term) -> float:
    return float(sum(np.mean(row.count) for row in operations if row.term == term))
