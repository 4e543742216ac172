from __future__ import annotations

import numpy as np
import pytest

from lavarobust.attacks import SDA, EncodingVictim, evaluate_sparsely, sda_evaluate
from lavarobust.errors import SettingsError
from lavarobust.execution import backend
from lavarobust.netx.deployment import Encoding


@pytest.fixture(scope="module")
def case(deployed, pictures):
    made, (images, indices) = deployed(Encoding("rate"), "membrane"), (part[:20] for part in pictures)
    victim = EncodingVictim(made.model, made.deployment)
    labels = victim.logits(victim.encoded(images, indices), indices).argmax(1)
    labels[::4] = (labels[::4] + 1) % 10
    return made, images, labels, indices


def evaluated(case, **options):
    made, *arrays = case
    return evaluate_sparsely(made.model, made.deployment, *arrays, backend("simulator"), SDA(30), **options)


def test_what_is_executed_is_what_the_attack_saw(case):
    outcome = evaluated(case)
    found = outcome.found
    assert outcome.surprises == 0
    np.testing.assert_array_equal(found.right, outcome.clean.correct)
    np.testing.assert_array_equal(found.right & ~found.fooled, outcome.executed.correct)
    assert outcome.success_rate == found.success_rate > 0


def test_parts_change_no_byte(case, monkeypatch):
    told = []
    whole = evaluated(case)
    monkeypatch.setattr(sda_evaluate, "BATCH", 7)
    parts = evaluated(case, progress=lambda what, done, total: told.append((what, done, total)))
    assert told == [("SDA-30", done, 20) for done in (7, 14, 20)]
    for name in ("frames", "flips", "right", "fooled"):
        assert getattr(parts.found, name).tobytes() == getattr(whole.found, name).tobytes()
    assert (parts.found.gradients, parts.found.queries) == (whole.found.gradients, whole.found.queries)


def test_input_of_other_entries_is_refused_before_anything_runs(deployed, pictures):
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    with pytest.raises(SettingsError, match="direct sends other entries than 0 and 1"):
        evaluate_sparsely(made.model, made.deployment, images, np.zeros(150, int), indices, None)
