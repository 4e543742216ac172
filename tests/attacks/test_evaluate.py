from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

from lavarobust.attacks import FGSM, PGD, IntegerVictim, Noise, ThreatModel, evaluate
from lavarobust.encoding import encode
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution import backend
from lavarobust.netx.deployment import Encoding

SMALL, LARGE = ThreatModel(0.05), ThreatModel(0.3)


def _by_hand(model, **changes):
    # sent as (2, 2), a tie that class 0 wins; (3, 1); (1, 3); (0, 1)
    pixels = [[0.5, 0.5], [0.75, 0.25], [0.25, 0.75], [0.0, 0.25]]
    arguments = {
        "model": model,
        "deployment": model.deployment,
        "images": np.array(pixels, dtype=np.float32).reshape(4, 1, 1, 2),
        "labels": np.array([0, 0, 1, 0]),
        "indices": np.arange(4),
        "backend": backend("simulator"),
        "attacks": [PGD(6, loss="margin"), FGSM()],
        "threats": [SMALL, LARGE],
    }
    return evaluate(**arguments | changes)


def test_figures_by_hand(readout_model):
    result = _by_hand(readout_model)
    assert result.backend == "simulator"
    assert result.threats == (SMALL, LARGE)
    assert result.clean.accuracy == 0.75
    assert (result.clean.strict_accuracy, result.clean.tie_share) == (0.5, 0.25)
    # 0.05 is less than half a level; the tie of the first sample is not broken by it
    np.testing.assert_array_equal(result.robust(SMALL), [True, True, True, False])
    assert (result.robust_accuracy(SMALL), result.strict_robust_accuracy(SMALL)) == (0.75, 0.5)
    # 0.3 moves each pixel by one level: (3, 1) becomes (2, 2), a tie that class 0 wins, and (1, 3)
    # becomes (2, 2), which class 1 loses
    np.testing.assert_array_equal(result.robust(LARGE), [False, True, False, False])
    assert (result.robust_accuracy(LARGE), result.strict_robust_accuracy(LARGE)) == (0.25, 0.0)
    success = [(outcome.success_rate, outcome.strict_success_rate) for outcome in result.outcomes]
    assert success == [(0, 0)] * 2 + [(2 / 3, 1)] * 2
    assert [outcome.settings.name for outcome in result.outcomes] == ["PGD-6 (margin)", "FGSM"] * 2
    assert [outcome.surprises for outcome in result.outcomes] == [0] * 4


@dataclass(frozen=True)
class Contrary:
    """A backend that predicts class 2 for the second sample of whatever it runs."""

    name: str = "contrary"

    def run(self, model, stimulus, readout="spike_count", keep=()):
        record = backend("simulator").run(model, stimulus, readout, keep)
        prediction = record.prediction.copy()
        prediction[1] = 2
        return replace(record, backend=self.name, prediction=prediction)


def test_the_backend_judges_and_disagreement_is_seen(readout_model):
    result = _by_hand(readout_model, backend=Contrary(), threats=[SMALL])
    assert result.backend == result.clean.record.backend == "contrary"
    np.testing.assert_array_equal(result.robust(SMALL), [True, False, True, False])
    assert [outcome.surprises for outcome in result.outcomes] == [1, 1]


def test_robust_is_the_worst_case_per_sample(readout_model):
    result = _by_hand(readout_model, threats=[SMALL])
    first, second = result.outcomes
    predictions = ([1, 0, 1, 0], [0, 0, 0, 0])
    outcomes = tuple(
        replace(
            outcome,
            executed=replace(
                outcome.executed, record=replace(outcome.executed.record, prediction=np.array(prediction))
            ),
        )
        for outcome, prediction in zip((first, second), predictions, strict=True)
    )
    worst = replace(result, outcomes=outcomes)
    assert [outcome.executed.accuracy for outcome in outcomes] == [0.75, 0.75]
    np.testing.assert_array_equal(worst.robust(SMALL), [False, True, False, False])


def test_batches_change_no_byte_and_progress_is_told(deployed, pictures, monkeypatch):
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    labels = IntegerVictim(case.model, case.deployment).logits(images, indices).argmax(1)
    told = []
    attacks = [PGD(3), Noise()]

    def run():
        return evaluate(
            case.model, case.deployment, images, labels, indices, backend("simulator"), attacks, [SMALL],
            progress=lambda *message: told.append(message),
        )  # fmt: skip

    whole = run()
    monkeypatch.setattr(sys.modules["lavarobust.attacks.evaluate"], "BATCH", 64)
    told.clear()
    parts = run()
    for one, other in zip(whole.outcomes, parts.outcomes, strict=True):
        assert one.images.tobytes() == other.images.tobytes()
        assert one.queries == other.queries
        assert one.surprises == other.surprises == 0
    assert [message for message in told if message[0] == "PGD-3 at 0.05"] == [
        ("PGD-3 at 0.05", done, 150) for done in (64, 128, 150)
    ]
    assert told[0] == ("clean images on simulator", 0, 150)


def test_records_price_what_was_executed(deployed, pictures):
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    labels = IntegerVictim(case.model, case.deployment).logits(images, indices).argmax(1)
    result = evaluate(
        case.model, case.deployment, images, labels, indices, backend("simulator"), [PGD(3)], [SMALL]
    )
    outcome = result.outcomes[0]
    stimulus = encode(case.deployment.encoding, outcome.images, 4, indices)
    again = backend("simulator").run(case.model, stimulus, "membrane")
    for one, other in zip(outcome.executed.record.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.synops, other.synops)
    assert outcome.success_rate == (outcome.executed.record.prediction != labels).mean() > 0


def test_lava_confirms_what_the_simulator_was_fooled_by(deployed, pictures):
    pytest.importorskip("lava")
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    images, indices = images[:8], indices[:8]
    labels = IntegerVictim(case.model, case.deployment).logits(images, indices).argmax(1)
    results = [
        evaluate(
            case.model, case.deployment, images, labels, indices, backend(name), [PGD(5)], [ThreatModel(0.1)]
        )
        for name in ("simulator", "lava")
    ]
    assert [result.backend for result in results] == ["simulator", "lava"]
    assert [result.outcomes[0].surprises for result in results] == [0, 0]
    one, other = (result.outcomes[0].executed.record for result in results)
    np.testing.assert_array_equal(one.potential, other.potential)
    assert results[0].outcomes[0].success_rate > 0


def test_an_evaluation_of_nothing_is_refused(readout_model):
    with pytest.raises(SettingsError, match="at least one attack"):
        _by_hand(readout_model, attacks=[])
    with pytest.raises(SettingsError, match="at least one attack"):
        _by_hand(readout_model, threats=[])
    with pytest.raises(DataError, match="3 classes"):
        _by_hand(readout_model, labels=np.full(4, 3))
