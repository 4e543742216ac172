from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tiny_runs import digit_arrays, stripped

from lavarobust.attacks import FGSM, PGD, SEA, Noise, Square, evaluate_flips
from lavarobust.cli.options import ATTACKS
from lavarobust.errors import SettingsError
from lavarobust.experiment.attack import attack, flip_attacks, named_attacks
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice


def test_attacks_by_name():
    assert named_attacks(["pgd", "fgsm"], 3, 2) == (PGD(steps=3, restarts=2), FGSM())
    assert named_attacks(["noise", "gaussian"]) == (Noise(), Noise("gaussian"))
    assert flip_attacks(1) == (SEA(),) and flip_attacks(4) == (SEA(), SEA(4))
    for names in ([], ["fgsm", "magic"]):
        with pytest.raises(SettingsError, match=r"choose from fgsm, pgd, noise, gaussian"):
            named_attacks(names)
    assert len({each.name for each in named_attacks(ATTACKS, 4)}) == len(ATTACKS)
    assert named_attacks(["square"], 4) == (Square(200),)


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


def test_flips_of_the_encoding_beside_attacks_on_the_pixels(model_file):
    report = attack(
        model_file, DataChoice(limit=20), PlanChoice(encoding="rate"), attacks=named_attacks(["noise"]),
        flips=(1, 8), flip_iterations=2,
    )  # fmt: skip
    plain = report.as_dict()
    assert [(entry["attack"], entry["flips"]) for entry in plain["flips"]] == [
        ("SEA", 1), ("SEA-2", 1), ("SEA", 8), ("SEA-2", 8),
    ]  # fmt: skip
    assert plain["flips"][3]["accuracy"] <= plain["flips"][1]["accuracy"] <= plain["clean_accuracy"]
    assert all(entry["surprises"] == 0 and entry["backward_queries"] > 0 for entry in plain["flips"])
    assert json.loads(json.dumps(plain)) == plain
    assert [told["flips"] for told in plain["flip_diagnoses"]] == [1, 8]
    worst = sum(each.executed.correct & report.result.clean.correct for each in report.flips[:2]) == 2
    left = report.flip_diagnoses[1]
    assert left.samples == 20 and (left.checks[0].name == "zero gradients") == (worst.sum() > 1)


def test_what_flips_leave_is_held_against_an_attack_that_looks_anew(model_file, monkeypatch):
    """The published attack follows one gradient; a budget that it wastes is called what it is."""
    options = {"attacks": named_attacks(["noise"]), "flips": (4,), "flip_iterations": 1}
    module = "lavarobust.experiment.attack.evaluate_flips"
    original = evaluate_flips

    def lazy(*arguments, **keywords):
        found = original(*arguments, **keywords)
        return tuple(replace(each, executed=keywords["clean"]) for each in found)

    monkeypatch.setattr(module, lazy)
    report = attack(model_file, DataChoice(limit=20), PlanChoice(encoding="rate"), **options)
    assert report.flip_diagnoses[4].unreliable
    assert report.as_dict()["flip_diagnoses"][0]["unreliable"]


def test_impossible_requests(model_file):
    with pytest.raises(SettingsError, match="sea: the encoding direct sends analog values"):
        attack(model_file, flips=(3,))
    with pytest.raises(SettingsError, match="budget of 0 flips"):
        attack(model_file, DataChoice(), PlanChoice(encoding="rate"), flips=(0,))
    with pytest.raises(SettingsError, match="at least one attack and one threat model"):
        attack(model_file, epsilons=())
    with pytest.raises(SettingsError, match="epsilon 2 is impossible"):
        attack(model_file, epsilons=(2,))
