from __future__ import annotations

import numpy as np
import pytest
from extras import needed

from lavarobust.attacks import NetworkVictim, Queries, ThreatModel
from lavarobust.attacks.hop_skip_jump import HopSkipJump, hop_skip_jump
from lavarobust.errors import SettingsError

needed("art", "art")

THREAT = ThreatModel(1 / 8)


@pytest.fixture
def twenty(linear_case):
    case = linear_case
    return NetworkVictim(case.module), case.images[:20], case.labels[:20], case.indices[:20]


def test_it_finds_images_inside_the_box_and_only_where_there_are_some(twenty, linear_case):
    victim, *arrays = twenty
    found = hop_skip_jump(victim, *arrays, THREAT, HopSkipJump(2000))
    worst = linear_case.worst_images(THREAT.epsilon)[:20]
    can_be_fooled = linear_case.predictions(worst) != arrays[1]
    assert can_be_fooled.sum() == 5
    assert not (found.fooled & ~can_be_fooled).any()
    # a sample whose worst corner hardly passes the boundary may keep its class for 2000 decisions
    assert found.fooled.sum() >= 4
    THREAT.check(arrays[0], found.images)
    np.testing.assert_array_equal(linear_case.predictions(found.images) != arrays[1], found.fooled)
    np.testing.assert_array_equal(found.images[~found.fooled], arrays[0][~found.fooled])
    assert (found.asked[found.fooled] <= 2000).all()
    # of one class all random images may be, so that there is no start
    assert set(found.asked[~found.fooled]) <= {100, 2000}


def test_a_sample_gets_the_same_bytes_in_any_batch_and_numpys_generator_stays(twenty):
    victim, *arrays = twenty
    before = np.random.get_state()
    whole = hop_skip_jump(victim, *arrays, THREAT, HopSkipJump(300), seed=2)
    for chosen in (np.array([7, 3, 11]), np.array([3])):
        np.random.rand(5)
        some = hop_skip_jump(victim, *(each[chosen] for each in arrays), THREAT, HopSkipJump(300), seed=2)
        for name in ("images", "fooled", "prediction", "loss", "asked"):
            assert getattr(some, name).tobytes() == getattr(whole, name)[chosen].tobytes()
    np.random.set_state(before)
    other = hop_skip_jump(victim, *arrays, THREAT, HopSkipJump(300), seed=3)
    assert (other.asked != whole.asked).any()
    assert np.random.get_state()[2] == before[2] and (np.random.get_state()[1] == before[1]).all()


def test_what_is_wrong_already_is_left_alone(twenty):
    victim, images, labels, indices = twenty
    found = hop_skip_jump(victim, images, 1 - labels, indices, THREAT)
    assert found.fooled.all() and not found.asked.any() and found.queries == Queries(forward=2 * 20)


def test_a_victim_that_knows_one_class_alone_ends_with_the_starts(linear_case):
    weight = linear_case.module.weight
    weight.data[:] = 0
    victim, labels = NetworkVictim(linear_case.module), np.zeros(3, dtype=int)
    found = hop_skip_jump(victim, linear_case.images[:3], labels, np.arange(3), THREAT)
    assert not found.fooled.any() and (found.asked == 100).all()


def test_what_it_can_not_attack_is_refused(twenty):
    victim, *arrays = twenty
    with pytest.raises(SettingsError, match="at least 1"):
        HopSkipJump(0)
    with pytest.raises(SettingsError, match="not in that of l2"):
        hop_skip_jump(victim, *arrays, ThreatModel(0.5, "l2"))
    with pytest.raises(SettingsError, match=r"boundary that moves\. Give the MeanVictim"):
        hop_skip_jump(NetworkVictim(victim.module, stochastic=True), *arrays, THREAT)
