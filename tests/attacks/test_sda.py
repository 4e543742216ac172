"""Sparse flips of tiny encodings whose smallest set is known, and what a deployed network guarantees."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.sda import SDA, SparseResult, attack_sparsely
from lavarobust.attacks.victim import Queries
from lavarobust.dynamics import AdaptiveSharpness, PotentialDependent
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.mean_image import MeanImage
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model, Neuron
from lavarobust.snn.gate import GateOptions

EVENTS = Encoding("frames", levels=1)


def linear_victim(margins: list[int], steps: int = 1) -> EncodingVictim:
    """Two classes: every event of input i is worth that much to class 0. A tie is class 0's."""
    weight = np.array([margins, [0] * len(margins)], dtype=np.int32)
    shape = (1, 1, len(margins))
    model = Model((Input(shape), Flatten(), Dense(weight, READOUT)), shape)
    return EncodingVictim(model, Deployment(steps, EVENTS, "membrane", shape))


def events_of(*rows: list[int]) -> np.ndarray:
    """One frame each."""
    return np.array(rows, dtype=np.float32)[:, None, None, :, None]


def attacked(victim, events, labels, settings=None, indices=None) -> SparseResult:
    indices = np.arange(len(events)) if indices is None else indices
    return attack_sparsely(settings or SDA(), victim, events, np.asarray(labels), indices)


def test_the_one_flip_that_is_needed_stays():
    # of class 0 by 8 + 2 - 4: all three candidates lower that, and without the 8 the others can come back
    found = attacked(linear_victim([8, 2, -4, -2]), events_of([1, 1, 1, 0]), [0])
    assert found.right.all() and found.fooled.all()
    assert found.frames.ravel().tolist() == [0, 1, 1, 0] and found.flips.tolist() == [1]


def test_without_reduction_all_flips_of_the_iteration_stay():
    found = attacked(linear_victim([8, 2, -4, -2]), events_of([1, 1, 1, 0]), [0], SDA(reduced=False))
    # 8 and 2 leave, -2 comes; to take -4 away would raise the loss
    assert found.frames.ravel().tolist() == [0, 0, 1, 1] and found.flips.tolist() == [3]


def test_one_candidate_more_in_every_iteration():
    victim = linear_victim([16, 8, 4, 2, 1, -4])
    # 31 for class 0. Iteration 1: the 16. Iteration 2: 8 and the event of -4, or 4: the first of equals
    found = attacked(victim, events_of([1, 1, 1, 1, 1, 0]), [0], SDA(iterations=2, first=1))
    assert not found.fooled.any() and found.gradients == 2
    # before, the candidates by themselves and the state after each of two iterations
    assert found.queries == Queries(1 + (1 + 1 + 1) + (1 + 2 + 1), 2)
    assert found.frames.ravel().tolist() == [1, 1, 1, 1, 1, 0], "failed: as it was"
    third = attacked(victim, events_of([1, 1, 1, 1, 1, 0]), [0], SDA(iterations=3, first=1))
    assert third.fooled.all() and third.frames.ravel()[[0, 1]].tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_linear_margins_are_crossed_with_the_fewest_flips(seed):
    generator = np.random.default_rng(seed)
    margins = (2 * generator.permutation(np.arange(-6, 7))[:6]).tolist()
    victim = linear_victim(margins)
    events = generator.integers(0, 2, (40, 6)).astype(np.float32)
    labels = (events @ margins < 0).astype(int)
    found = attacked(victim, events_of(*events.tolist()), labels)
    assert found.right.all()
    for row, label, frames, flips, fooled in zip(
        events, labels, found.frames, found.flips, found.fooled, strict=True
    ):
        fewest = next(
            (
                count
                for count in range(1, 7)
                for places in combinations(range(6), count)
                if (abs(row - np.isin(range(6), places)) @ margins < 0) != label
            ),
            None,
        )
        assert fooled == (fewest is not None)
        if fooled:
            assert ((frames.ravel() @ margins < 0) != label) and flips == fewest


def test_a_zero_gradient_is_no_end():
    # at a potential of 0 the triangular surrogate is 0, so chance chooses; three events make a spike
    hidden = Dense(np.full((1, 4), 120, dtype=np.int32), Neuron(4096, 4096, 250))
    last = Dense(np.array([[-2], [2]], dtype=np.int32), READOUT)
    shape = (1, 1, 4)
    model = Model((Input(shape), Flatten(), hidden, last), shape)
    victim = EncodingVictim(model, Deployment(1, EVENTS, "membrane", shape))
    found = attacked(victim, events_of([0, 0, 0, 0]), [0])
    assert found.zero_gradients == found.gradients == 1
    assert found.fooled.all() and found.flips.tolist() == [3]


def test_samples_that_are_wrong_already_are_not_touched():
    victim, events = linear_victim([8, -2]), events_of([1, 0], [1, 0])
    found = attacked(victim, events, [0, 1])
    assert found.right.tolist() == found.fooled.tolist() == [True, False]
    assert found.flips[1] == 0 and found.frames[1].ravel().tolist() == [1, 0]


def test_a_search_in_vain_ends():
    found = attacked(linear_victim([0, 0, 2]), events_of([0, 0, 0]), [0], SDA(iterations=500, first=2))
    assert not found.fooled.any() and found.flips.tolist() == [0]
    # two zeros; then what is left raises the loss
    assert found.gradients <= 4


def test_figures_by_hand():
    flips, fooled = np.array([3, 0, 200, 7, 0]), np.array([True, False, True, True, False])
    right = np.array([True, True, True, True, False])
    result = SparseResult(np.zeros(5), flips, right, fooled, 0, 0, Queries())
    assert (result.success_rate, result.mean_flips, result.median_flips) == (0.75, 70, 7)
    assert result.share_below(200) == pytest.approx(2 / 3) and result.share_below(201) == 1
    nothing = SparseResult(np.zeros(5), flips, right, np.zeros(5, bool), 0, 0, Queries())
    assert (nothing.success_rate, nothing.mean_flips, nothing.median_flips) == (0, None, None)
    assert nothing.share_below(200) == 0


@pytest.mark.parametrize("gate", [None, GateOptions(seed=4, initial=0.95)])
def test_what_was_found_is_executed_so_and_reduction_keeps_it_wrong(gate, deployed):
    case = deployed(EVENTS, "membrane", gate)
    events = (np.random.default_rng(0).random((12, 1, 8, 8, 4)) < 0.3).astype(np.float32)
    victim, indices = EncodingVictim(case.model, case.deployment), np.arange(5, 17)
    clean = victim.encoded(events, indices)
    labels = victim.logits(clean, indices).argmax(1)
    labels[0] = (labels[0] + 1) % 10
    many, few = (
        attacked(victim, events, labels, SDA(20, reduced=reduced), indices) for reduced in (False, True)
    )
    assert (many.fooled == few.fooled).all() and few.fooled[1:].all() and not few.right[0]
    assert (few.flips <= many.flips).all() and few.flips.sum() < many.flips.sum()
    for found in (many, few):
        wrong = victim.logits(found.frames.astype(np.float32), indices).argmax(1) != labels
        assert (wrong == (found.fooled | ~found.right)).all()
        assert (found.flips == (found.frames != clean).reshape(12, -1).sum(1)).all()
        assert set(np.unique(found.frames)) == {0, 1}
    # taken back are only flips, and the clean entries stay
    assert ((few.frames != clean) <= (many.frames != clean)).all()


@pytest.mark.parametrize("gate", [None, GateOptions(seed=4, initial=0.95)])
def test_a_sample_s_flips_are_the_same_bytes_in_any_company(gate, deployed):
    case = deployed(Encoding("rate", seed=1), "spike_count", gate)
    generator = np.random.default_rng(1)
    images, indices = generator.random((9, 1, 8, 8)).astype(np.float32), generator.permutation(200)[:9]
    victim = EncodingVictim(case.model, case.deployment, chunk=16)
    labels = victim.logits(victim.encoded(images, indices, 2), indices, 2).argmax(1)

    def frames_of(chosen: np.ndarray) -> np.ndarray:
        taken = images[chosen], labels[chosen], indices[chosen]
        return attack_sparsely(SDA(6, first=3), victim, *taken, seed=3, draw=2).frames

    whole = frames_of(np.arange(9))
    assert (whole != victim.encoded(images, indices, 2)).any()
    chosen = generator.permutation(9)[:4]
    assert (frames_of(chosen) == whole[chosen]).all()


@pytest.mark.parametrize("rule", [PotentialDependent(), AdaptiveSharpness()], ids=repr)
def test_the_paper_s_rule_and_one_with_a_memory_lead_there_too(rule, deployed):
    case = deployed(EVENTS, "membrane")
    events = (np.random.default_rng(0).random((6, 1, 8, 8, 4)) < 0.3).astype(np.float32)
    victim, indices = EncodingVictim(case.model, case.deployment, rule, chunk=16), np.arange(6)
    labels = victim.logits(victim.encoded(events, indices), indices).argmax(1)
    found = attacked(victim, events, labels, SDA(20))
    assert found.fooled.all()
    again = attacked(victim, events[[4, 1]], labels[[4, 1]], SDA(20), indices[[4, 1]])
    assert (again.frames == found.frames[[4, 1]]).all()


def test_impossible_requests_are_refused(deployed, pictures):
    for values in ({"iterations": 0}, {"first": 0}):
        with pytest.raises(SettingsError, match=r"SDA with .*=0 does nothing. Give"):
            SDA(**values)
    images, indices = pictures
    signed = Encoding("signed_rate", mean_image=MeanImage(np.full((1, 8, 8), 0.5)))
    for encoding in (Encoding("direct", 16), signed):
        case = deployed(encoding, "membrane")
        victim = EncodingVictim(case.model, case.deployment)
        with pytest.raises(SettingsError, match=f"sda: the encoding {encoding.kind} sends other entries"):
            attacked(victim, images[:2], [0, 0], indices=indices[:2])
    with pytest.raises(DataError, match="labels of 2 images"):
        attacked(linear_victim([1, 2]), events_of([1, 0], [1, 0]), [0])
