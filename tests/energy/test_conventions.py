"""How other counters would count, by hand; the counters themselves are in test_counters.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ledgers import Run, operations, with_layer

from lavarobust.energy import Ledger, Profile, make_ledger, price
from lavarobust.energy.rules import RULES, neurobench, spikingjelly, syops
from lavarobust.errors import SettingsError


def pooled(ledger: Ledger, index: int, side: int) -> Ledger:
    return with_layer(ledger, index, shape=replace(ledger.layers[index].shape, pool=side))


def test_spikes(spiking: Run) -> None:
    ledger = make_ledger(*spiking)
    # a conv of 81 operations over 9 pixels, of which 2 spike and reach 13 weights, 11 not zero; a dense of 18
    assert operations(neurobench(ledger)) == [("1 conv", "accumulate", [11]), ("3 dense", "accumulate", [3])]
    assert operations(spikingjelly(ledger)) == [
        ("1 conv", "accumulate", [13]),
        ("3 dense", "accumulate", [4]),
    ]
    # the conv has biases, one for each of 9 neurons: 90 operations x 2 / 9
    assert operations(syops(ledger)) == [("1 conv", "accumulate", [20.0]), ("3 dense", "accumulate", [4.0])]


def test_graded_input(direct: Run, repeated: Run) -> None:
    once = make_ledger(*direct)
    # 5 of 12 operations have neither a zero pixel nor a zero weight; the blank image costs nothing
    behind = ("1 dense", "accumulate", [4, 0])
    assert operations(neurobench(once)) == [("0 dense", "multiply_accumulate", [5, 0]), behind]
    assert operations(spikingjelly(once)) == [("0 dense", "multiply_accumulate", [12, 0]), behind]
    assert operations(syops(once)) == [("0 dense", "multiply_accumulate", [12, 0]), behind]
    again = make_ledger(*repeated)
    assert [neurobench(again)[0].count, spikingjelly(again)[0].count] == [[15], [36]]


def test_signed_spikes_are_additions_to_neurobench_alone(repeated: Run) -> None:
    ledger = make_ledger(*repeated)
    # in two of the three steps every pixel was -1, 0 or 1
    signed = with_layer(ledger, 0, signed_multiply_accumulates=np.array([10]))
    assert operations(neurobench(signed))[:2] == [
        ("0 dense", "multiply_accumulate", [5]),
        ("0 dense", "accumulate", [10]),
    ]
    for rule in (spikingjelly, syops):
        assert operations(rule(signed)) == operations(rule(ledger))


def test_a_pool_in_the_kernel_makes_values_of_spikes(spiking: Run) -> None:
    ledger = pooled(make_ledger(*spiking), 0, 3)
    # as deployed: every spike in front of the pool
    assert operations(neurobench(ledger)) == operations(neurobench(make_ledger(*spiking)))
    # 9 operations of the kernel behind the pool in each of 2 steps; the pool adds 8 times in each of them
    assert operations(spikingjelly(ledger))[:2] == [
        ("1 conv", "multiply_accumulate", [18]),
        ("1 conv", "accumulate", [16]),
    ]
    # and 9 biases in each of them; the pool costs its two spikes
    assert operations(syops(ledger))[:2] == [
        ("1 conv", "multiply_accumulate", [36]),
        ("1 conv", "accumulate", [2]),
    ]


def test_a_pool_of_pixels(direct: Run) -> None:
    ledger = pooled(make_ledger(*direct), 0, 2)
    assert operations(spikingjelly(ledger))[:2] == [
        ("0 dense", "multiply_accumulate", [3, 0]),
        ("0 dense", "accumulate", [9, 9]),
    ]
    assert operations(syops(ledger))[0] == ("0 dense", "multiply_accumulate", [3 + 4, 0])


@pytest.mark.parametrize("rule", ["neurobench", "spikingjelly", "syops"])
def test_what_they_do_not_cover(spiking: Run, rule: str) -> None:
    ledger = make_ledger(*spiking)
    for kind, words in (("joined", "joined by shortcuts"), ("recurrent", "recurrent")):
        other = with_layer(ledger, 1, shape=replace(ledger.layers[1].shape, **{kind: True}))
        with pytest.raises(SettingsError, match=f"rule {rule}: layer 3 dense of tiny is {words}"):
            RULES[rule](other)


def test_each_can_be_billed(repeated: Run, round_prices: Profile) -> None:
    assert price(*repeated, round_prices, "neurobench").total_pj.mean == 15 * 2 + 4 * 0.5
    assert price(*repeated, round_prices, "spikingjelly").total_pj.mean == 36 * 2 + 4 * 0.5
