from __future__ import annotations

import json

import numpy as np
import pytest
from tiny_runs import digit_arrays, stripped

from lavarobust.attacks import FGSM, PGD
from lavarobust.errors import SettingsError
from lavarobust.experiment.attack import attack, named_attacks
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice


def test_attacks_by_name():
    assert named_attacks(["pgd", "fgsm"], 3, 2) == (PGD(steps=3, restarts=2), FGSM())
    for names in ([], ["fgsm", "magic"]):
        with pytest.raises(SettingsError, match=r"choose from fgsm, pgd"):
            named_attacks(names)


def test_a_file_that_says_nothing_is_attacked_as_one_that_does(model_file, tmp_path):
    """White-box on the file alone: the same images, whoever says how it is run."""
    images, labels = digit_arrays(tmp_path)
    own = DataChoice(images=str(images), labels=str(labels))
    options = {"attacks": (PGD(steps=3),), "epsilons": (0.2,), "seed": 5}
    known = attack(model_file, own, **options).result.outcomes[0]
    plain = attack(
        stripped(model_file, tmp_path), own, PlanChoice(4, "direct", 16, "membrane"), **options
    ).result.outcomes[0]
    assert np.array_equal(known.images, plain.images)
    assert np.array_equal(known.executed.record.scores, plain.executed.record.scores)
    assert (np.abs(known.images - np.load(images)) <= np.float32(0.2) + 1e-7).all()


def test_lava_judges_as_the_simulator_and_finds_no_surprise(model_file):
    choice, options = DataChoice(limit=6), {"attacks": (FGSM(),), "epsilons": (0.1, 0.3)}
    reports = [attack(model_file, choice, backend=name, **options) for name in ("simulator", "lava")]
    plain = [report.as_dict() for report in reports]
    assert plain[0] | {"backend": "lava"} == plain[1]
    assert [entry["surprises"] for entry in plain[1]["attacks"]] == [0, 0]
    assert json.loads(json.dumps(plain[1])) == plain[1]
    for entry, threat in zip(plain[0]["robust"], reports[0].result.threats, strict=True):
        assert entry["accuracy"] == reports[0].result.robust_accuracy(threat)


def test_impossible_requests(model_file):
    with pytest.raises(SettingsError, match="at least one attack and one threat model"):
        attack(model_file, epsilons=())
    with pytest.raises(SettingsError, match="epsilon 2 is impossible"):
        attack(model_file, epsilons=(2,))
