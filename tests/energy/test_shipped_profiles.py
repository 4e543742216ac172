"""The figures that travel with the package, against the arithmetic and the packages they come from."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from lavarobust.energy import Profile, available_profiles, load_profile, price
from lavarobust.netx.model import Model
from lavarobust.record import Record

PRICED = [name for name in available_profiles() if load_profile(name).prices]
ARITHMETIC = {  # multiplication, addition in pJ: Horowitz, ISSCC 2014
    "horowitz_45nm_fp32": (3.7, 0.9),
    "horowitz_45nm_fp16": (1.1, 0.4),
    "horowitz_45nm_int32": (3.1, 0.1),
    "horowitz_45nm_int8": (0.2, 0.03),
    "horowitz_45nm_int8_int32": (0.2, 0.1),
}


def values(profile: Profile) -> dict[str, float]:
    return {term: price.value for term, price in profile.prices.items()}


@pytest.mark.parametrize(("name", "operations"), ARITHMETIC.items())
def test_a_multiply_accumulate_is_a_product_and_a_sum(name: str, operations: tuple[float, float]) -> None:
    product, addition = operations
    profile = load_profile(name)
    assert (profile.node_nm, profile.voltage) == (45, 0.9)
    assert values(profile) == {
        "multiply_accumulate": pytest.approx(product + addition, abs=1e-12),
        "accumulate": addition,
        "graded_addition": addition,
    }
    assert profile.prices["multiply_accumulate"].evidence == "derived"
    assert profile.prices["accumulate"].evidence == "unstated"


@pytest.mark.parametrize("name", ARITHMETIC)
def test_memory_is_priced_by_accesses_of_64_bits(name: str) -> None:
    points = load_profile(name).memory
    assert [(point.capacity_bytes, point.value, point.access_bits) for point in points] == [
        (8 * 1024, 10, 64),
        (32 * 1024, 20, 64),
        (1024 * 1024, 100, 64),
    ]


def test_table_7_of_hire() -> None:
    for name, multiply_accumulate, accumulate in (("fp32", 4.6, 0.9), ("int32", 3.2, 0.1)):
        prices = load_profile(f"horowitz_45nm_{name}").prices
        assert prices["multiply_accumulate"].value == multiply_accumulate
        assert prices["accumulate"].value == accumulate
        assert "Table 7" in prices["accumulate"].source


def test_loihi_as_its_makers_simulated_it() -> None:
    profile = load_profile("loihi1_davies2018")
    assert values(profile) == {"accumulate": 23.6, "active_update": 81, "idle_update": 52}
    assert {price.evidence for price in profile.prices.values()} == {"simulated"}
    assert "lower bound" in profile.notes


def test_keras_spikings_loihi_is_that_one_with_a_hop_for_each_operation() -> None:
    start, derived = (values(load_profile(name)) for name in ("loihi1_davies2018", "loihi_keras_spiking"))
    assert derived["accumulate"] == pytest.approx(start["accumulate"] + (3.0 + 4.0) / 2)
    assert derived["idle_update"] == derived["active_update"] == start["active_update"]


def test_sana_fes_calibration_differs_from_it() -> None:
    profile = load_profile("loihi_sanafe")
    assert [profile.price("accumulate", kind).value for kind in ("dense", "conv")] == [35.5, 24.0]  # type: ignore[union-attr]
    assert values(profile)["active_update"] == pytest.approx(51.2 + 21.6)
    assert (values(profile)["idle_update"], values(profile)["spike"]) == (51.2, 69.3)
    assert {price.evidence for price in profile.prices.values()} == {"derived"}


def test_a_bill_prices_a_convolution_apart(spiking: tuple[Record, Model]) -> None:
    bill = price(*spiking, load_profile("loihi_sanafe"))
    # 11 operations of the convolution and 3 of the dense layer; 18 + 2 active updates, 2 idle ones, 2 spikes
    assert [(line.layer, line.price_pj) for line in bill.lines if line.term == "accumulate"] == [
        ("1 conv", 24.0),
        ("3 dense", 35.5),
    ]
    assert bill.total_pj.mean == pytest.approx(11 * 24 + 3 * 35.5 + 20 * 72.8 + 2 * 51.2 + 2 * 69.3)


def test_sana_fes_own_file_says_the_same() -> None:
    pytest.importorskip("sanafe", reason="compares with the file that SANA-FE carries: install sanafe")
    architecture = yaml.safe_load((files("sanafe") / "examples" / "loihi.yaml").read_text())["architecture"]
    core = architecture["tile"][0]["core"][0]
    picojoules = {
        (part["name"], key): value * 1e12
        for part in (*core["soma"], *core["synapse"])
        for key, value in part["attributes"].items()
        if key.startswith("energy")
    }
    profile = load_profile("loihi_sanafe")
    access, update = (picojoules["loihi_lif", f"energy_{step}_neuron"] for step in ("access", "update"))
    assert values(profile) == {
        "accumulate": pytest.approx(picojoules["loihi_dense_synapse", "energy_process_spike"]),
        "active_update": pytest.approx(access + update),
        "idle_update": pytest.approx(access),
        "spike": pytest.approx(picojoules["loihi_lif", "energy_spike_out"]),
    }
    conv = profile.prices["accumulate"].by_connection["conv"]
    assert conv == pytest.approx(picojoules["loihi_conv_synapse", "energy_process_spike"])


def test_measured_chips_say_whether_the_rest_is_inside() -> None:
    odin, darwin = load_profile("odin_frenkel2019"), load_profile("darwin3_ma2024")
    assert (values(odin), odin.all_in, odin.voltage) == ({"accumulate": 12.7}, True, 0.55)
    assert (values(darwin), darwin.all_in, darwin.voltage) == ({"accumulate": 5.47}, False, 0.8)


def test_spikingjellys_presets_are_the_same_prices() -> None:
    counters = pytest.importorskip(
        "spikingjelly.activation_based.op_counter.simple_energy",
        reason="compares with spikingjelly's presets: pip install --no-deps -r requirements/counters.txt",
    )
    presets = counters.SimpleEnergyCostConfig
    for name, theirs in (("fp32", presets.fp32()), ("fp16", presets.fp16()), ("int8", presets.int8())):
        ours = values(load_profile(f"horowitz_45nm_{name}"))
        assert ours["multiply_accumulate"] == pytest.approx(theirs.e_mac_pj)
        assert ours["accumulate"] == pytest.approx(theirs.e_ac_pj)


@pytest.mark.parametrize("name", PRICED)
def test_a_price_table_says_what_it_leaves_out(name: str) -> None:
    assert load_profile(name).notes
