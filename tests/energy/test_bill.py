"""Bills by hand: prices times counts, the spread, what is left out, the ANN beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lavarobust.energy import Bill, Price, Profile, load_profile, make_ledger, price
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.model import Gate, Model
from lavarobust.record import Record

Run = tuple[Record, Model]


def unpriced(bill: Bill) -> dict[str, float | None]:
    return {item.term: item.operations for item in bill.unpriced}


@pytest.mark.parametrize(
    ("profile", "rule", "expected"),
    [
        # executed 11 + 3 accumulates; Eq. 7: 18 + 4
        ("horowitz_45nm_fp32", "executed", 14 * 0.9),
        ("horowitz_45nm_int32", "executed", 14 * 0.1),
        ("horowitz_45nm_fp32", "hire-eq7", 22 * 0.9),
        ("horowitz_45nm_int32", "hire-eq7", 22 * 0.1),
    ],
)
def test_spike_input(spiking: Run, profile: str, rule: str, expected: float) -> None:
    bill = price(*spiking, load_profile(profile), rule)
    assert (bill.backend, bill.model, bill.profile, bill.rule) == ("by hand", "tiny", profile, rule)
    assert (
        bill.total_pj.mean == bill.total_pj.median == bill.total_pj.p95 == pytest.approx(expected, rel=1e-12)
    )
    assert sum(line.energy_pj for line in bill.lines) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("profile", "rule", "expected"),
    [
        # two samples: executed (5 MAC + 4 AC, nothing); Eq. 8 (12 MAC + 4 AC, 12 MAC)
        ("horowitz_45nm_fp32", "executed", [5 * 4.6 + 4 * 0.9, 0.0]),
        ("horowitz_45nm_int32", "executed", [5 * 3.2 + 4 * 0.1, 0.0]),
        ("horowitz_45nm_fp32", "hire-eq8", [12 * 4.6 + 4 * 0.9, 12 * 4.6]),
        ("horowitz_45nm_int32", "hire-eq8", [12 * 3.2 + 4 * 0.1, 12 * 3.2]),
    ],
)
def test_direct_input(direct: Run, profile: str, rule: str, expected: list[float]) -> None:
    bill = price(*direct, load_profile(profile), rule)
    high, low = expected
    assert bill.total_pj.mean == pytest.approx((high + low) / 2, rel=1e-12)
    assert bill.total_pj.median == pytest.approx((high + low) / 2, rel=1e-12)
    assert bill.total_pj.p95 == pytest.approx(low + 0.95 * (high - low), rel=1e-12)


def test_lines_and_ann(direct: Run) -> None:
    bill = price(*direct, load_profile("horowitz_45nm_fp32"))
    first, second = bill.lines
    assert (first.layer, first.term, first.operations, first.price_pj) == (
        "0 dense",
        "multiply_accumulate",
        2.5,
        4.6,
    )
    assert (second.layer, second.term, second.operations, second.price_pj) == (
        "1 dense",
        "accumulate",
        2.0,
        0.9,
    )
    # 4 * 3 + 3 * 2 multiply-accumulates; mean of the SNN (23 + 3.6) / 2
    assert bill.ann.multiply_accumulates == 18
    assert bill.ann.energy_pj == pytest.approx(82.8)
    assert bill.ann_over_snn == pytest.approx(82.8 / 13.3)
    assert "average pool" in bill.ann.basis
    assert bill.weakest_evidence == "unstated"


def test_what_has_no_price_is_named_with_its_count(spiking: Run) -> None:
    bill = price(*spiking, load_profile("horowitz_45nm_int32"))
    assert unpriced(bill) == {
        "active_update": 20.0,
        "idle_update": 2.0,
        "bias_addition": 18.0,
        "spike": 2.0,
        "host_event": 2.0,
        "memory_access": None,
        "static_power": None,
    }
    assert all("horowitz_45nm_int32 has no price" in item.reason for item in bill.unpriced[:5])


def test_a_table_that_prices_more_is_used_in_full(spiking: Run, round_prices: Profile) -> None:
    bill = price(*spiking, round_prices)
    # 14 accumulates, 20 active and 2 idle updates, 18 biases, 2 spikes, 2 input events
    assert bill.total_pj.mean == 14 * 0.5 + 20 * 8 + 2 * 4 + 18 * 0.25 + 2 * 16 + 2 * 32
    assert list(unpriced(bill)) == ["memory_access", "static_power"]
    assert bill.weakest_evidence == "measured"
    assert bill.ann.energy_pj == (81 + 18) * 2.0


def test_the_baselines_price_counts_for_the_evidence(spiking: Run, round_prices: Profile) -> None:
    guessed = replace(round_prices.prices["multiply_accumulate"], evidence="derived")
    profile = replace(round_prices, prices={**round_prices.prices, "multiply_accumulate": guessed})
    assert price(*spiking, profile).weakest_evidence == "derived"


def test_the_papers_equations_hold_only_their_own_terms(spiking: Run, round_prices: Profile) -> None:
    bill = price(*spiking, round_prices, "hire-eq7")
    assert bill.total_pj.mean == 22 * 0.5
    assert unpriced(bill)["active_update"] == 20.0
    assert "the rule hire-eq7 leaves it out" in {item.reason for item in bill.unpriced}


def test_an_all_in_price_holds_the_rest(spiking: Run) -> None:
    all_in = Profile(
        "chip",
        "a chip",
        28.0,
        0.8,
        {"accumulate": Price(26.0, "pJ", "1 bit", "a paper", "measured", "all-in")},
    )
    bill = price(*spiking, all_in)
    assert bill.total_pj.mean == 14 * 26
    assert {item.reason for item in bill.unpriced} == {"inside the all-in price of a synaptic operation"}
    assert bill.ann.energy_pj is None
    assert bill.ann_over_snn is None


def test_a_silent_network_has_no_ratio(spiking: Run) -> None:
    record, model = spiking
    names = ("input_events", "synops", "synops_dense", "spikes", "active_updates")
    silent = tuple(replace(c, **{n: np.zeros_like(getattr(c, n)) for n in names}) for c in record.layers)
    bill = price(replace(record, layers=silent), model, load_profile("horowitz_45nm_int32"))
    assert bill.total_pj.mean == 0
    assert bill.ann_over_snn is None
    assert unpriced(bill)["idle_update"] == 22.0


def test_an_image_that_arrives_as_biases_is_named_and_not_zero(driven: Run, round_prices: Profile) -> None:
    bill = price(*driven, round_prices)
    # input population: 2 neurons, 3 spikes in 4 steps; dense 2 -> 1: 3 operations, 1 neuron, no bias
    assert bill.total_pj.mean == 3 * 0.5 + (8 + 4) * 4 + 3 * 16
    assert unpriced(bill) == {
        "memory_access": None,
        "static_power": None,
        "host_event": None,
        "input_bias_addition": None,
    }
    assert bill.ann.multiply_accumulates == 2
    assert price(*driven, round_prices, "hire-eq7").total_pj.mean == 3 * 0.5
    assert make_ledger(*driven).as_dict()["host_events"] is None


def test_refusals(spiking: Run, direct: Run, round_prices: Profile) -> None:
    only_accumulate = replace(round_prices, prices={"accumulate": round_prices.prices["accumulate"]})
    with pytest.raises(SettingsError, match="no price for multiply_accumulate, which layer 0 dense of tiny"):
        price(*direct, only_accumulate)
    with pytest.raises(
        SettingsError, match=r"no energy rule 'eq9'\. Choose one of: executed, hire-eq7, hire-eq8"
    ):
        price(*spiking, round_prices, "eq9")
    with pytest.raises(SettingsError, match=r"Eq\. 8 is for direct input"):
        price(*spiking, round_prices, "hire-eq8")
    record, model = spiking
    with pytest.raises(DataError, match="no samples"):
        price(replace(record, prediction=record.prediction[:0]), model, round_prices)


@pytest.mark.parametrize("rule", ["executed", "hire-eq8"])
def test_json_and_rows(direct: Run, rule: str) -> None:
    bill = price(*direct, load_profile("horowitz_45nm_fp32"), rule)
    plain = bill.as_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    rows = bill.rows()
    assert all(list(row) == ["layer", "term", "operations", "price_pj", "energy_pj"] for row in rows)
    assert [row["term"] for row in rows] == [
        "multiply_accumulate",
        "accumulate",
        "total",
        "bias_addition (unpriced)",
        "active_update (unpriced)",
        "idle_update (unpriced)",
        "spike (unpriced)",
        "host_event (unpriced)",
        "memory_access (unpriced)",
        "static_power (unpriced)",
        "multiply_accumulate",
    ]
    assert rows[2]["energy_pj"] == bill.total_pj.mean
    assert rows[-1] == {
        "layer": "ANN",
        "term": "multiply_accumulate",
        "operations": 18,
        "price_pj": 4.6,
        "energy_pj": pytest.approx(82.8),
    }


def test_energy_loads_neither_torch_nor_lava() -> None:
    program = (
        "import sys, lavarobust.energy; print(sorted({'torch', 'lava', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_draws_of_gates_are_counted_and_named_where_nothing_prices_them(spiking: Run) -> None:
    record, model = spiking
    gate = Gate(np.full(9, 40_000, dtype=np.int32), seed=0, stream=1)  # 3 x 3 neurons, 2 steps
    layers = (model.layers[0], replace(model.layers[1], gate=gate), *model.layers[2:])  # type: ignore[type-var]
    gated = replace(model, layers=layers)
    bill = price(record, gated, load_profile("horowitz_45nm_int32"))
    assert unpriced(bill)["gate_draw"] == 18.0
    assert bill.total_pj == price(*spiking, load_profile("horowitz_45nm_int32")).total_pj
    assert "gate_draw" not in unpriced(price(*spiking, load_profile("horowitz_45nm_int32")))


def test_soft_resets_are_counted_and_named_where_nothing_prices_them(spiking: Run) -> None:
    record, model = spiking
    layer = model.layers[1]
    neuron = replace(layer.neuron, reset="soft")  # type: ignore[union-attr]
    layers = (model.layers[0], replace(layer, neuron=neuron), *model.layers[2:])  # type: ignore[type-var]
    profile = load_profile("horowitz_45nm_int32")
    bill, hard = price(record, replace(model, layers=layers), profile), price(record, model, profile)
    assert unpriced(bill)["soft_reset"] == 18.0  # 3 x 3 neurons, 2 steps
    assert "soft_reset" not in unpriced(hard)
    assert bill.total_pj == hard.total_pj, "their updates cost what those of other neurons do"
