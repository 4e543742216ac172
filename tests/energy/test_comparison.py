"""All rules beside each other, for each layer and all of them."""

from __future__ import annotations

from lavarobust.energy import RULES, make_ledger
from lavarobust.energy.comparison import RuleCount, compare_rules
from lavarobust.netx.model import Model
from lavarobust.record import Record


def test_every_rule_is_there(direct: tuple[Record, Model]) -> None:
    counts = compare_rules(make_ledger(*direct))
    totals = {count.rule: count for count in counts if count.layer == "all"}
    assert list(totals) == list(RULES)
    # two samples, of which the second is blank and silent
    assert totals["executed"] == RuleCount("executed", "all", 2.0, 2.5)
    assert totals["hire-eq8"] == RuleCount("hire-eq8", "all", 2.0, 12.0)
    assert totals["spikingjelly"] == RuleCount("spikingjelly", "all", 2.0, 6.0)
    refused = totals["hire-eq7"]
    assert (refused.accumulates, refused.multiply_accumulates) == (None, None)
    assert "Eq. 7 is for spikes" in refused.refusal


def test_layers_add_up(direct: tuple[Record, Model]) -> None:
    counts = compare_rules(make_ledger(*direct))
    for rule in RULES:
        mine = [count for count in counts if count.rule == rule and not count.refusal]
        if mine:
            *layers, together = mine
            assert [count.layer for count in layers] == ["0 dense", "1 dense"]
            assert together.accumulates == sum(count.accumulates for count in layers)
            assert together.multiply_accumulates == sum(count.multiply_accumulates for count in layers)
