"""A spiking network beside ANNs of its shape, and on published bands, by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lavarobust.energy import make_ledger
from lavarobust.energy.bands import bands, synapse_counts
from lavarobust.energy.standing import Accuracies, stand_beside
from lavarobust.netx.model import Model
from lavarobust.record import QuantisedLayer, QuantisedRun, Record

Run = tuple[Record, Model]


def test_a_network_beside_its_anns(spiking: Run) -> None:
    ones = np.array([1])
    layers = (
        QuantisedLayer("1 conv", 2 * ones, 11 * ones, 13 * ones, ones),
        QuantisedLayer("3 dense", ones, ones, 2 * ones, ones),
    )
    quantised = QuantisedRun(2, np.array([0]), layers)
    record, model = spiking
    snn, floating, integer, qnn = stand_beside(
        make_ledger(record, model), model, quantised, Accuracies(1.0, 0.5)
    )
    assert [peer.name for peer in (snn, floating, integer, qnn)] == [
        "spiking network", "FP32 ANN", "INT8 ANN", "2-bit QNN",
    ]  # fmt: skip
    assert (snn.accumulates, snn.multiply_accumulates, snn.operations_pj) == (14, 0, pytest.approx(1.4))
    assert (floating.multiply_accumulates, floating.operations_pj) == (99, pytest.approx(99 * 4.6))
    assert (integer.multiply_accumulates, integer.operations_pj) == (99, pytest.approx(99 * 0.3))
    assert (qnn.multiply_accumulates, qnn.operations_pj) == (12, pytest.approx(12 * 0.3))
    assert [peer.accuracy for peer in (snn, floating, integer, qnn)] == [1.0, None, None, 0.5]
    assert all(peer.bill.total_pj.mean > peer.operations_pj for peer in (snn, floating, integer, qnn))
    assert json.loads(json.dumps(qnn.as_dict())) == qnn.as_dict()


def test_spikes_per_synapse_count_borders(spiking: Run) -> None:
    record, model = spiking
    # a kernel of nine over three by three pixels, padded by one: 4 corners of 4, 4 edges of 6, 9 inside
    assert synapse_counts(model) == {"1 conv": 49, "3 dense": 18}
    per_synapse, rate = bands(make_ledger(record, model), model)
    assert per_synapse.value.mean == pytest.approx((13 + 4) / (49 + 18))
    assert per_synapse.place == "inside"
    # two spikes of nine neurons in two steps; the readout sends none
    assert rate.value.mean == pytest.approx(2 / 18)
    assert rate.place == "above"


def test_payloads_are_no_spikes(direct: Run) -> None:
    record, model = direct
    per_synapse, _ = bands(make_ledger(record, model), model)
    assert per_synapse.value.mean == pytest.approx(np.mean([4 / 6, 0]))
    analog = replace(record.layers[1], graded_input=True)
    only_rate = bands(make_ledger(replace(record, layers=(record.layers[0], analog)), model), model)
    assert [band.name for band in only_rate] == ["mean spike rate"]
