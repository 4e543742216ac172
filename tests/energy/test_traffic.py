"""Memory accesses of two tiny executions and their ANNs, every one worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lavarobust.energy import Profile, load_profile, make_ledger
from lavarobust.energy.memory import access_pj, memory_bill, spiking_memory_bill
from lavarobust.energy.profiles import MemoryPoint
from lavarobust.energy.traffic import (
    INT8,
    Access,
    Traffic,
    Words,
    dense_traffic,
    quantised_traffic,
    spiking_traffic,
)
from lavarobust.errors import SettingsError
from lavarobust.netx.model import Model
from lavarobust.record import QuantisedLayer, QuantisedRun, Record

Run = tuple[Record, Model]
POINTS = tuple(
    MemoryPoint(size, value, "pJ", 64, "by hand", "unstated") for size, value in ((64, 6.4), (1024, 64.0))
)


def counts(traffic: Traffic) -> dict[tuple[str, str], list[int]]:
    return {(access.layer, access.kind): access.count.tolist() for access in traffic.accesses}


def test_accesses_of_spikes(spiking: Run) -> None:
    traffic = spiking_traffic(make_ledger(*spiking), spiking[1], Words(32, 8, 24))
    assert counts(traffic) == {
        ("1 conv", "read input"): [2],
        ("1 conv", "read weight"): [13 + 18],  # 4 + 9 synapses, zeros among them; 9 biases in 2 steps
        ("1 conv", "read potential"): [13 + 18],  # 9 neurons in 2 steps
        ("1 conv", "write potential"): [13 + 18],
        ("1 conv", "write output"): [2],
        ("3 dense", "read input"): [2],
        ("3 dense", "read weight"): [4],
        ("3 dense", "read potential"): [4 + 4],
        ("3 dense", "write potential"): [4 + 4],
        ("3 dense", "write output"): [0],
    }
    assert traffic.as_dict()["3 dense"]["read potential"] == {"mean": 8.0, "median": 8.0, "p95": 8.0}
    assert traffic.additions.tolist() == [13 + 4]
    assert traffic.multiplications.tolist() == [2 * 2]  # two events of the convolution
    sizes = {(access.layer, access.kind): (access.bits, access.capacity_bytes) for access in traffic.accesses}
    assert sizes["1 conv", "read input"] == (32, 4000)
    assert sizes["1 conv", "read weight"] == (8, 10)  # nine taps and a bias
    assert sizes["1 conv", "read potential"] == (24, 27)
    assert sizes["3 dense", "read weight"] == (8, 18)


def test_a_current_that_is_kept_is_a_second_state(direct: Run) -> None:
    record, model = direct
    kept = replace(model.layers[0], neuron=replace(model.layers[0].neuron, current_decay=0))
    model = replace(model, layers=(kept, model.layers[1]))
    traffic = counts(spiking_traffic(make_ledger(record, model), model))
    # 6 synapses, and 3 neurons in 3 steps with two states each
    assert traffic["0 dense", "read potential"] == [6 + 18, 18]


def test_accesses_of_a_dense_pass(spiking: Run) -> None:
    shapes = {layer.layer: layer.shape.multiply_accumulates for layer in make_ledger(*spiking).layers}
    traffic = dense_traffic(spiking[1], shapes, INT8)
    assert counts(traffic) == {
        ("1 conv", "read input"): [81],
        ("1 conv", "read weight"): [81 + 9],
        ("1 conv", "write output"): [9],
        ("3 dense", "read input"): [9],
        ("3 dense", "read weight"): [18 + 2],
        ("3 dense", "write output"): [2],
    }
    # inputs, outputs and taps; inputs and outputs
    assert traffic.additions.tolist() == [9 + 9 + 9 + 9 + 2]


def test_accesses_of_a_pass_that_skips_zeros(spiking: Run) -> None:
    def layer(name: str, events: int, dense: int) -> QuantisedLayer:
        one = np.array([1])
        return QuantisedLayer(name, events * one, dense * one, dense * one, one)

    run = QuantisedRun(2, np.array([0]), (layer("1 conv", 2, 13), layer("3 dense", 1, 2)))
    traffic = quantised_traffic(spiking[1], run, Words(2, 8, 32))
    assert counts(traffic) == {
        ("1 conv", "read input"): [9],
        ("1 conv", "read weight"): [13 + 9],
        ("1 conv", "write output"): [9],
        ("3 dense", "read input"): [9],
        ("3 dense", "read weight"): [2 + 2],
        ("3 dense", "write output"): [2],
    }
    assert traffic.accesses[0].capacity_bytes == 3  # nine words of two bits
    assert traffic.additions.tolist() == [13 + 9 + 2 + 2]


def test_a_memory_is_priced_by_its_size_and_the_bits_read() -> None:
    assert access_pj(POINTS, 64, 64) == 6.4
    assert access_pj(POINTS, 64, 8) == pytest.approx(0.8)
    assert access_pj(POINTS, 32, 64) == pytest.approx(3.2)  # half way to nothing
    assert access_pj(POINTS, 544, 64) == pytest.approx(35.2)  # half way between both
    assert access_pj(POINTS, 1 << 20, 64) == 64.0


def test_a_bill_with_memory_adds_up(round_prices: Profile) -> None:
    accesses = (
        Access("a", "read weight", np.array([10, 30]), 8, 64),
        Access("a", "write output", np.array([1, 1]), 64, 2048),
    )
    traffic = Traffic(accesses, np.array([4, 4]), np.array([1, 1]))
    profile = replace(round_prices, memory=POINTS)
    bill = memory_bill("a net", traffic, (np.array([2, 2]), np.array([3, 5])), profile)
    assert bill.accesses_pj == {"read weight": pytest.approx(20 * 0.8), "write output": 64.0}
    assert bill.operations_pj == 2 * 0.5 + 4 * 2.0
    assert bill.addressing_pj == 4 * 0.5 + 2.0
    assert bill.total_pj.mean == pytest.approx(bill.memory_pj + 9 + 4)
    assert (bill.reads.mean, bill.reads.p95, bill.writes.mean, bill.beyond) == (20, 29, 1, ("a",))
    assert bill.weakest_evidence == "unstated"
    assert bill.as_dict()["memory_pj"] == bill.memory_pj


def test_what_a_spiking_network_computes_beside(spiking: Run) -> None:
    record, model = spiking
    leaking = replace(model.layers[1], neuron=replace(model.layers[1].neuron, voltage_decay=100))
    model = replace(model, layers=(model.layers[0], leaking, *model.layers[2:]))
    table = load_profile("horowitz_45nm_int8_int32")
    bill = spiking_memory_bill(make_ledger(record, model), model, table)
    # 14 accumulates and 18 biases; 9 leaks in 2 steps
    assert bill.operations_pj == pytest.approx(32 * 0.1 + 18 * 0.3)


def test_a_table_without_memory_is_refused(round_prices: Profile, spiking: Run) -> None:
    with pytest.raises(SettingsError, match="round has no price for memory, which the memory model"):
        spiking_memory_bill(make_ledger(*spiking), spiking[1], round_prices)
