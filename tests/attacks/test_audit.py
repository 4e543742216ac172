"""What a suite found is executed again, and a backend that differs anywhere is caught."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lavarobust.attacks import FGSM, Noise, ThreatModel
from lavarobust.attacks.audit import WITHSTOOD, audit, chosen_images
from lavarobust.attacks.campaign import ROBUST, WRONG_BEFORE, Target, run_suite
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Member, Suite
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.execution import backend
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.gate import GateOptions

SUITE = Suite("small", (Member(Noise()), Member(FGSM(), Surrogate())))


def case_of(deployed, pictures, gate=None):
    """A target, 60 samples of which 6 are wrong before any attack, and how they stand after a suite."""
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane", gate), pictures
    target = Target(made.model, made.deployment, expectation=2, votes=3)
    images, indices = images[:60], indices[:60]
    labels = target.victim().logits(images, indices).argmax(1)
    labels[::10] = (labels[::10] + 1) % 10
    samples = Samples(images, labels, indices)
    return target, samples, run_suite(target, SUITE, samples, ThreatModel(0.02))


class Wrong:
    """The simulator, but for one integer of one sample."""

    name = "wrong"

    def __init__(self, change) -> None:
        self.change = change

    def run(self, model, stimulus, readout="spike_count", keep=()):
        record = backend("simulator").run(model, stimulus, readout, keep)
        return self.change(record)


def test_all_images_are_executed_and_do_what_was_found(deployed, pictures):
    target, samples, standing = case_of(deployed, pictures)
    done = audit(target, SUITE, samples, standing, backend("simulator"))
    names = [*(member.name for member in SUITE.members), WITHSTOOD]
    assert [row.attack for row in done.rows] == names
    for row, place in zip(done.rows, (0, 1, ROBUST), strict=True):
        assert row.images == (standing.decided == place).sum() > 0
        assert row.wrong == (0 if place == ROBUST else row.images)
    before = int((standing.decided == WRONG_BEFORE).sum())
    assert done.images == done.found == 60 - before and before >= 6
    assert done.differences == 0
    assert json.loads(json.dumps(done.as_dict()))["rows"][0]["attack"] == names[0]


def test_lava_executes_the_same_integers(deployed, pictures):
    pytest.importorskip("lava.magma")
    for gate in (None, GateOptions(seed=4, initial=0.9)):
        target, samples, standing = case_of(deployed, pictures, gate)
        done = audit(target, SUITE, samples, standing, backend("lava"), count=6)
        assert (done.backend, done.images, done.differences) == ("lava", 6, 0)


def _other_potential(record):
    potential = record.potential.copy()
    potential[2, 5] -= 1
    return replace(record, potential=potential)


def _other_spikes(record):
    spikes = record.layers[0].spikes.copy()
    spikes[2, 1] += 1
    return replace(record, layers=(replace(record.layers[0], spikes=spikes), *record.layers[1:]))


def _other_class(record):
    prediction = record.prediction.copy()
    prediction[2] = (prediction[2] + 1) % 10
    return replace(record, prediction=prediction)


@pytest.mark.parametrize(
    ("change", "kind"),
    [(_other_potential, "scores"), (_other_spikes, "counts"), (_other_class, "predictions")],
)
def test_one_integer_that_differs_is_seen_where_it_is(change, kind, deployed, pictures):
    target, samples, standing = case_of(deployed, pictures)
    done = audit(target, SUITE, samples, standing, Wrong(change))
    place = standing.decided[np.flatnonzero(standing.decided != WRONG_BEFORE)[2]]
    name = WITHSTOOD if place == ROBUST else SUITE.members[place].name
    for row in done.rows:
        for each in ("predictions", "scores", "counts"):
            assert getattr(row, each) == (row.attack == name and each == kind)
    assert done.differences == 1


def test_as_many_that_fooled_as_withstood_are_chosen():
    decided = np.array([0, ROBUST, 1, ROBUST, WRONG_BEFORE, 0, ROBUST, 2, 0, WRONG_BEFORE])
    indices = np.arange(100, 110)
    assert chosen_images(indices, decided, None, 0).tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    for count, fooling in ((1, 1), (2, 1), (3, 2), (4, 2), (6, 3), (7, 4), (8, 5), (50, 5)):
        chosen = decided[chosen_images(indices, decided, count, 0)]
        assert ((chosen >= 0).sum(), (chosen == ROBUST).sum()) == (fooling, min(count, 8) - fooling)
    # where one kind runs out, the other takes its place
    assert len(chosen_images(indices, np.where(decided == ROBUST, WRONG_BEFORE, decided), 5, 0)) == 5
    assert len(chosen_images(indices, np.where(decided >= 0, WRONG_BEFORE, decided), 3, 0)) == 3
    assert len(chosen_images(indices, np.full(10, WRONG_BEFORE), 3, 0)) == 0


@given(st.permutations(range(10)), st.integers(1, 10), st.integers(0, 3))
def test_the_choice_is_that_of_the_samples_and_not_of_their_order(order, count, seed):
    decided = np.array([0, ROBUST, 1, ROBUST, WRONG_BEFORE, 0, ROBUST, 2, 0, WRONG_BEFORE])
    indices, order = np.arange(7, 17), np.array(order)
    whole = set(indices[chosen_images(indices, decided, count, seed)])
    assert set(indices[order][chosen_images(indices[order], decided[order], count, seed)]) == whole


def test_another_seed_chooses_others():
    decided, indices = np.full(100, ROBUST), np.arange(100)
    first, second = (chosen_images(indices, decided, 10, seed).tolist() for seed in (0, 1))
    assert first != second and first != list(range(10))


def test_nothing_found_is_nothing_executed(deployed, pictures):
    target, samples, standing = case_of(deployed, pictures)
    nothing = replace(standing, decided=np.full(60, WRONG_BEFORE))
    done = audit(target, SUITE, samples, nothing, backend("simulator"), count=4)
    assert (done.found, done.images, done.rows) == (0, 0, ())
    with pytest.raises(SettingsError, match="an audit of 0 images"):
        audit(target, SUITE, samples, standing, backend("simulator"), count=0)
