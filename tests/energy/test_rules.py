"""HIRE-SNN's estimates beside the executed counts, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ledgers import Run, operations, with_layer

from lavarobust.energy import RULES, applicable_rules, executed, make_ledger
from lavarobust.energy.rules import USUAL, hire_eq7, hire_eq8, hire_eq8_executed
from lavarobust.errors import SettingsError


def test_eq7_and_the_executed_count_differ_by_borders_and_pruned_weights(spiking: Run) -> None:
    ledger = make_ledger(*spiking)
    # conv: 81 operations, activity 2/9 -> 18; executed 13 at the borders, 11 without the zero weight
    # dense: 18 operations, activity 2/9 -> 4; executed 3 without the zero weight
    assert operations(hire_eq7(ledger)) == [
        ("1 conv", "accumulate", [18.0]),
        ("3 dense", "accumulate", [4.0]),
    ]
    synaptic = [row for row in operations(executed(ledger)) if row[1] == "accumulate"]
    assert synaptic == [("1 conv", "accumulate", [11]), ("3 dense", "accumulate", [3])]


def test_activity_sums_over_steps_and_can_exceed_one(spiking: Run) -> None:
    ledger = make_ledger(*spiking)
    busy = with_layer(ledger, 0, input_events=np.array([18]))  # every pixel in both steps: activity 2
    assert hire_eq7(busy)[0].count.tolist() == [162.0]


def test_eq8_charges_the_first_layer_as_one_dense_pass(direct: Run) -> None:
    ledger = make_ledger(*direct)
    # 3 * 4 once, also for the blank image; dense 3 -> 2: 6 operations, activity 2/3 -> 4
    assert operations(hire_eq8(ledger)) == [
        ("0 dense", "multiply_accumulate", [12, 12]),
        ("1 dense", "accumulate", [4.0, 0.0]),
    ]


def test_an_image_sent_three_times_is_charged_once_by_the_paper_and_as_executed_beside(repeated: Run) -> None:
    ledger = make_ledger(*repeated)
    # 12 operations of which a zero pixel pair and a zero weight leave 5, in each of 3 steps
    assert operations(hire_eq8(ledger))[0] == ("0 dense", "multiply_accumulate", [12])
    assert operations(hire_eq8_executed(ledger))[0] == ("0 dense", "multiply_accumulate", [15])
    assert operations(hire_eq8(ledger))[1:] == operations(hire_eq8_executed(ledger))[1:]


def test_an_image_sent_once_is_executed_once(direct: Run) -> None:
    assert operations(hire_eq8_executed(make_ledger(*direct))) == [
        ("0 dense", "multiply_accumulate", [5, 0]),
        ("1 dense", "accumulate", [4.0, 0.0]),
    ]


def test_a_pool_in_the_kernel_stands_in_front_of_it(spiking: Run, direct: Run) -> None:
    # a pool of 3 x 3 leaves a ninth of the 81 operations; the activity in front of it stays 2/9
    ledger = make_ledger(*spiking)
    pooled = with_layer(ledger, 0, shape=replace(ledger.layers[0].shape, pool=3))
    assert hire_eq7(pooled)[0].count.tolist() == [2.0]
    image = make_ledger(*direct)
    pooled = with_layer(image, 0, shape=replace(image.layers[0].shape, pool=2))
    assert hire_eq8(pooled)[0].count.tolist() == [3, 3]


def test_executed_rows(direct: Run) -> None:
    assert operations(executed(make_ledger(*direct))) == [
        ("0 dense", "multiply_accumulate", [5, 0]),
        ("0 dense", "bias_addition", [0, 0]),
        ("0 dense", "active_update", [8, 0]),
        ("0 dense", "idle_update", [1, 9]),
        ("0 dense", "spike", [2, 0]),
        ("1 dense", "accumulate", [4, 0]),
        ("1 dense", "bias_addition", [0, 0]),
        ("1 dense", "active_update", [4, 0]),
        ("1 dense", "idle_update", [2, 6]),
        ("1 dense", "spike", [0, 0]),
        ("host", "host_event", [2, 0]),
    ]


def test_rules_that_do_not_hold_are_refused(spiking: Run, direct: Run) -> None:
    spikes, image = make_ledger(*spiking), make_ledger(*direct)
    with pytest.raises(SettingsError, match=r"Eq\. 7 is for spikes"):
        hire_eq7(image)
    with pytest.raises(SettingsError, match=r"Eq\. 8 is for direct input"):
        hire_eq8(spikes)
    for rule in (hire_eq8, hire_eq8_executed):
        with pytest.raises(SettingsError, match="first layer only"):
            rule(with_layer(image, 1, graded_input=True))
    recurrent = with_layer(spikes, 1, shape=replace(spikes.layers[1].shape, recurrent=True))
    with pytest.raises(SettingsError, match="layer 3 dense of tiny is recurrent"):
        hire_eq7(recurrent)
    empty = with_layer(image, 0, shape=replace(image.layers[0].shape, multiply_accumulates=0))
    with pytest.raises(SettingsError, match="no layer with synapses"):
        hire_eq7(replace(empty, layers=empty.layers[:1]))


def test_applicable_rules(spiking: Run, direct: Run) -> None:
    spikes, image = make_ledger(*spiking), make_ledger(*direct)
    assert set(USUAL) < set(RULES)
    assert applicable_rules(spikes) == ("executed", "hire-eq7")
    assert applicable_rules(image) == ("executed", "hire-eq8")
    conventions = ("neurobench", "spikingjelly", "syops")
    assert applicable_rules(spikes, RULES) == ("executed", "hire-eq7", *conventions)
    assert applicable_rules(image, RULES) == ("executed", "hire-eq8", "hire-eq8-executed", *conventions)


def test_an_input_population_has_no_synaptic_operations(direct: Run) -> None:
    ledger = make_ledger(*direct)
    bare = with_layer(ledger, 0, shape=replace(ledger.layers[0].shape, multiply_accumulates=0))
    assert [row[:2] for row in operations(executed(bare))] == [
        ("0 dense", "active_update"),
        ("0 dense", "idle_update"),
        ("0 dense", "spike"),
        ("1 dense", "accumulate"),
        ("1 dense", "bias_addition"),
        ("1 dense", "active_update"),
        ("1 dense", "idle_update"),
        ("1 dense", "spike"),
    ]
    # what follows it receives spikes, so Eq. 7 holds
    assert operations(hire_eq7(bare)) == [("1 dense", "accumulate", [4.0, 0.0])]


def test_graded_additions_and_relays_are_rows_of_their_own(spiking: Run) -> None:
    ledger = make_ledger(*spiking)
    assert not {"graded_addition", "relay"} & {row.term for row in executed(ledger)}
    joined = with_layer(ledger, 1, graded_additions=np.array([7]), relays=np.array([5]))
    rows = operations(executed(joined))
    assert ("3 dense", "graded_addition", [7]) in rows and ("3 dense", "relay", [5]) in rows


def test_synaptic_operations_know_their_kind_of_layer(spiking: Run) -> None:
    kinds = {(row.layer, row.term): row.connection for row in executed(make_ledger(*spiking))}
    assert (kinds["1 conv", "accumulate"], kinds["3 dense", "accumulate"]) == ("conv", "dense")
    assert kinds["1 conv", "spike"] is kinds["host", "host_event"] is None


def test_a_signed_rate_code_is_one_of_spikes(repeated: Run) -> None:
    ledger = make_ledger(*repeated)
    signed = with_layer(ledger, 0, signed_multiply_accumulates=ledger.layers[0].multiply_accumulates)
    # 6 events of 4 inputs: activity 3/2 of 12 operations
    assert operations(hire_eq7(signed))[0] == ("0 dense", "accumulate", [18.0])
    assert applicable_rules(signed) == ("executed", "hire-eq7")
    with pytest.raises(SettingsError, match="receives spikes"):
        hire_eq8(signed)
    assert applicable_rules(ledger) == ("executed", "hire-eq8")
