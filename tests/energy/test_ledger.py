"""The ledger's counts, by hand, and the records it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.energy import LayerLedger, make_ledger, spread
from lavarobust.energy.rules import RULES, executed
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution.simulator import Simulator
from lavarobust.netx.model import READOUT, Dense, GradedSum, Model, Neuron, Shortcut, SigmaDelta
from lavarobust.record import Record, Stimulus

Run = tuple[Record, Model]


def numbers(layer: LayerLedger, *names: str) -> list[list[int]]:
    for name in names:
        assert getattr(layer, name).dtype == np.int64
    return [getattr(layer, name).tolist() for name in names]


def test_spikes_are_accumulates(spiking: Run) -> None:
    conv, dense = make_ledger(*spiking).layers
    assert numbers(conv, "accumulates", "multiply_accumulates", "synops_dense") == [[11], [0], [13]]
    assert numbers(dense, "accumulates", "multiply_accumulates", "synops_dense") == [[3], [0], [4]]
    # two steps with input: 2 * 81; one: 18
    assert numbers(conv, "dense_operations", "dense_passes") == [[162], [2]]
    assert numbers(dense, "dense_operations", "dense_passes") == [[18], [1]]
    # 9 and 2 neurons in 2 steps; 9 biases in 2 steps
    assert numbers(conv, "active_updates", "idle_updates", "bias_additions", "spikes") == [
        [18],
        [0],
        [18],
        [2],
    ]
    assert numbers(dense, "active_updates", "idle_updates", "bias_additions", "spikes") == [
        [2],
        [2],
        [0],
        [0],
    ]


def test_an_image_sent_once_is_multiplied_once(direct: Run) -> None:
    ledger = make_ledger(*direct)
    first, second = ledger.layers
    assert numbers(first, "accumulates", "multiply_accumulates", "synops_dense") == [[0, 0], [5, 0], [6, 0]]
    assert numbers(first, "dense_operations", "input_events") == [[12, 0], [2, 0]]
    assert numbers(second, "accumulates", "multiply_accumulates") == [[4, 0], [0, 0]]
    assert ledger.host_events.tolist() == [2, 0]
    assert ledger.total("spikes").tolist() == [2, 0]
    # 3 + 2 neurons in 3 steps
    assert ledger.total("active_updates").tolist() == [12, 0]
    assert ledger.total("idle_updates").tolist() == [3, 15]
    assert (ledger.backend, ledger.samples, ledger.steps) == ("by hand", 2, 3)


def test_an_image_sent_in_every_step_is_multiplied_in_every_step(repeated: Run) -> None:
    ledger = make_ledger(*repeated)
    assert ledger.host_events.tolist() == [6]
    first = ledger.layers[0]
    assert numbers(first, "multiply_accumulates", "synops_dense", "dense_operations") == [[15], [18], [36]]


def test_a_sample_counts_the_same_alone(direct: Run) -> None:
    record, model = direct
    arrays = ("input_events", "synops", "synops_dense", "spikes", "active_updates", "wraps", "clips")
    alone = replace(
        record,
        prediction=record.prediction[1:],
        layers=tuple(replace(c, **{name: getattr(c, name)[1:] for name in arrays}) for c in record.layers),
    )
    for whole, part in zip(make_ledger(record, model).layers, make_ledger(alone, model).layers, strict=True):
        for name in ("multiply_accumulates", "accumulates", "dense_operations", "idle_updates"):
            assert getattr(whole, name)[1:].tolist() == getattr(part, name).tolist()


def test_spreads() -> None:
    # 0..20: the 95th percentile is the 20th of 21 values
    figures = spread(np.arange(21))
    assert (figures.mean, figures.median, figures.p95) == (10.0, 10.0, 19.0)
    figures = spread(np.array([1, 2, 10]))
    assert (figures.mean, figures.median) == (13 / 3, 2.0)
    assert figures.p95 == pytest.approx(2 + 0.9 * 8)
    assert spread(np.array([7])).p95 == 7.0


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=30))
def test_spreads_stay_inside_the_values(values: list[int]) -> None:
    figures = spread(np.array(values))
    assert min(values) <= figures.median <= figures.p95 <= max(values)


def test_json(direct: Run) -> None:
    plain = make_ledger(*direct).as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["layers"]["0 dense"]["multiply_accumulates"]["mean"] == 2.5
    assert plain["total"]["accumulates"]["mean"] == 2.0
    assert plain["host_events"] == {"mean": 1.0, "median": 1.0, "p95": pytest.approx(1.9)}


def test_an_empty_record_is_refused(direct: Run) -> None:
    record, model = direct
    empty = replace(record, prediction=record.prediction[:0])
    with pytest.raises(DataError, match="no samples"):
        make_ledger(empty, model)


def test_a_record_of_another_model_is_refused(direct: Run, spiking: Run) -> None:
    with pytest.raises(DataError, match="Give the model that was executed"):
        make_ledger(direct[0], spiking[1])
    with pytest.raises(DataError, match="Give the model that was executed"):
        make_ledger(replace(direct[0], layers=direct[0].layers[:1]), direct[1])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda a: {"synops": a["synops"] + 100}, "fewer operations with zero weights"),
        (lambda a: {"active_updates": a["active_updates"] + 1}, "more active updates than it has neurons"),
        (lambda a: {"spikes": a["spikes"] - 1}, "spikes of layer 0 dense is negative"),
        (lambda a: {"synops": a["synops"] * 1.0}, "synops of layer 0 dense must be an integer array"),
        (lambda a: {"input_events": a["input_events"][:1]}, r"shape \(1, 3\) in a record of 2 samples"),
        (lambda a: {"synops": a["synops"][:, :2]}, r"shape \(2, 2\) in a record of 2 samples and 3 steps"),
        (lambda a: {name: array[:, :2] for name, array in a.items()}, "different lengths"),
    ],
)
def test_counts_that_contradict_one_another_are_refused(direct: Run, change, problem: str) -> None:
    record, model = direct
    first, second = record.layers
    names = ("input_events", "synops", "synops_dense", "spikes", "active_updates")
    arrays = {name: getattr(first, name) for name in names}
    broken = replace(record, layers=(replace(first, **change(arrays)), second))
    with pytest.raises(DataError, match=problem):
        make_ledger(broken, model)


def test_payloads_into_a_recurrent_layer_are_refused(direct: Run) -> None:
    record, model = direct
    recurrent = replace(model.layers[0], recurrent_weight=np.ones((3, 3), np.int32))
    with pytest.raises(DataError, match="doesn't count them apart"):
        make_ledger(record, replace(model, layers=(recurrent, model.layers[1])))


def test_recurrent_messages_of_sigma_delta_neurons_are_payloads_as_well(direct: Run) -> None:
    record, model = direct
    first, second = (replace(layer, neuron=SigmaDelta(0)) for layer in model.layers)
    recurrent = replace(first, recurrent_weight=np.ones((3, 3), np.int32))
    counts = replace(record.layers[1], graded_input=True)
    graded = replace(record, layers=(record.layers[0], counts))
    ledger = make_ledger(graded, replace(model, layers=(recurrent, second)))
    assert ledger.total("accumulates").tolist() == [0, 0]
    assert ledger.layers[0].multiply_accumulates.tolist() == record.layers[0].synops.sum(axis=1).tolist()


def test_operations_of_values_and_spikes_in_one_layer() -> None:
    """A sum of two spikes' path and, beside it, a value's: additions of either kind, priced apart."""
    lif = Neuron(4096, 0, 10)
    ones = np.full((2, 2), 2, dtype=np.int32)
    layers = (
        Dense(ones, GradedSum(0)),
        Dense(ones, lif),
        Dense(ones[:1], READOUT, shortcuts=(Shortcut(0, ones[:1]), Shortcut(1, ones[:1]))),
    )
    model = Model(layers, (2,), name="joined")
    record = Simulator().run(model, Stimulus(np.array([[[1, 1], [0, 3]]], dtype=np.int32), 2))
    first, second, third = make_ledger(record, model).layers
    # the sums 2, 2 then 8, 8: four values; drives 8 then 32, of which the second exceeds 10
    assert numbers(first, "multiply_accumulates", "accumulates", "spikes") == [[6], [0], [4]]
    assert numbers(second, "multiply_accumulates", "accumulates", "spikes") == [[8], [0], [2]]
    # four values beside, and two spikes on two paths
    assert numbers(third, "multiply_accumulates", "accumulates", "input_events") == [[4], [4], [8]]
    assert third.shape.multiply_accumulates == 6 and third.shape.joined
    rows = {(row.layer, row.term): row.count.tolist() for row in executed(make_ledger(record, model))}
    assert rows["2 dense", "multiply_accumulate"] == [4] and rows["2 dense", "accumulate"] == [4]
    assert ("1 dense", "accumulate") not in rows
    with pytest.raises(SettingsError, match="layer 2 dense of joined is joined by shortcuts"):
        RULES["hire-eq8"](make_ledger(record, model))
    impossible = replace(record.layers[2], graded_synops=record.layers[2].synops + 1)
    with pytest.raises(DataError, match="more operations of payloads than of all"):
        make_ledger(replace(record, layers=(*record.layers[:2], impossible)), model)
