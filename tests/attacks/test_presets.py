from __future__ import annotations

import numpy as np
import pytest

from lavarobust.attacks import SEA, FlipBudget, Square
from lavarobust.attacks.campaign import Target, run_suite
from lavarobust.attacks.presets import PRESETS, named_preset, transferred
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.settings import PGD
from lavarobust.attacks.suites import OTHER_MODEL, ensemble
from lavarobust.dynamics import RateGradient, RateMask, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding


def _table(name: str) -> list[tuple[str, float, str, int]]:
    """Per column its norm, its epsilon in 255ths, its name, and over how many draws."""
    return [
        (each.threat.norm, round(255 * each.threat.epsilon, 6), each.suite.name, each.expectation)
        for each in named_preset(name).columns
    ]


def test_hire_is_fgsm_and_seven_steps_through_its_flat_triangle():
    assert _table("paper:hire") == [
        ("linf", 8, "FGSM, triangular 1 scale 0.3", 1),
        ("linf", 8, "PGD-7, triangular 1 scale 0.3", 1),
    ]
    assert named_preset("paper:hire").columns[1].suite.members[0].settings.step_for(8 / 255) == 0.01


def test_conversion_is_the_worst_of_nineteen_gradients():
    *worst, square = named_preset("paper:conversion").columns
    assert _table("paper:conversion") == [
        ("linf", 8, "FGSM, worst of 19 gradients", 1),
        ("linf", 8, "PGD-20, worst of 19 gradients", 1),
        ("linf", 8, "APGD-10, worst of 19 gradients", 1),
        ("linf", 8, "Square-5000", 1),
    ]
    for column in worst:
        assert tuple(member.rule for member in column.suite.members) == ensemble()
    assert worst[1].suite.members[0].settings.step_for(8 / 255) == pytest.approx(1 / 255)
    assert square.suite.members[0].settings == Square(5000)


def test_sr_is_the_worst_of_four_gradients():
    columns = named_preset("paper:sr").columns
    assert [name for _, _, name, _ in _table("paper:sr")] == [
        f"{attack}, worst of 4 gradients" for attack in ("FGSM", "PGD-10", "PGD-30", "PGD-50")
    ]
    for column in columns:
        rules = [member.rule for member in column.suite.members]
        kinds = [(rule.name, rule.width) for rule in rules if isinstance(rule, Surrogate)]
        assert kinds == [("triangular", 1), ("sigmoid", 4), ("arctangent", 2)] and rules[3] == RateGradient()
        assert column.threat.epsilon == 8 / 255
    assert {column.suite.members[0].settings.step_for(8 / 255) for column in columns[1:]} == {0.01}


def test_stog_has_targets_a_ball_and_draws():
    triangular = "triangular 1 through reset"
    assert _table("paper:stog") == [
        ("linf", 8, f"FGSM, {triangular}", 1),
        ("linf", 8, f"PGD-7, {triangular}", 1),
        ("linf", 8, f"PGD-1 (targeted cross entropy, random target), {triangular}", 1),
        ("linf", 8, f"PGD-7 (targeted cross entropy, random target), {triangular}", 1),
        ("l2", 128, f"FGSM, {triangular}", 1),
        ("l2", 128, f"PGD-7, {triangular}", 1),
        ("linf", 4, f"APGD-10, {triangular}", 1),
        ("linf", 4, f"APGD-10, {triangular}, over 10 draws", 10),
        ("linf", 4, "APGD-10, BPTR, over 10 draws", 10),
        ("linf", 4, f"APGD-10 (DLR, 9 targets), {triangular}", 1),
        ("linf", 4, f"APGD-10 (DLR, 9 targets), {triangular}, over 10 draws", 10),
    ]
    _, untargeted, step, aimed, _, ball, *_ = (
        column.suite.members[0].settings for column in named_preset("paper:stog").columns
    )
    assert untargeted == PGD(7, step_size=0.01) and aimed.step_size == 0.01 and aimed.random_start
    assert (step.steps, step.step_size, step.random_start) == (1, 8 / 255, False)
    assert ball == PGD(7, step_size=25 / 255)


def test_sea_has_flips_beside_pixels():
    preset = named_preset("paper:sea")
    assert _table("paper:sea") == [
        ("linf", 8, "gaussian noise", 1),
        ("linf", 8, "FGSM, BPTR, over 10 draws", 10),
        ("linf", 8, "PGD-8, BPTR, over 10 draws", 10),
    ]
    assert preset.columns[2].suite.members[0].settings == PGD(8, step_size=2 / 255)
    assert [(each.settings, each.budget, each.rule) for each in preset.flips] == [
        (SEA(), FlipBudget(10), RateMask()),
        (SEA(), FlipBudget(20), RateMask()),
    ]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_has_its_name_and_columns_that_differ(name):
    preset = named_preset(name)
    assert preset.name == name
    columns = [(column.threat, column.suite.name) for column in preset.columns]
    assert len(set(columns)) == len(columns)
    assert (len(preset.flips) > 0) == (name == "paper:sea")


def test_transfer_takes_every_gradient_from_the_other_model():
    preset = transferred(named_preset("paper:conversion"))
    assert [column.suite.name for column in preset.columns] == [
        f"{attack}, worst of 19 gradients, from other model" for attack in ("FGSM", "PGD-20", "APGD-10")
    ]
    assert all(member.source == OTHER_MODEL for column in preset.columns for member in column.suite.members)
    assert transferred(named_preset("paper:sea")).flips == ()


def test_columns_run(deployed, pictures):
    made, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    target = Target(made.model, made.deployment)
    labels = target.victim().logits(images, indices).argmax(1)
    samples = Samples(images, labels, indices).take(slice(0, 40))
    for column in named_preset("paper:stog").columns[:6]:
        end = run_suite(target, column.suite, samples, column.threat)
        assert end.members[0].attempted == 40 and 0 < end.robust.sum() < 40, column.suite.name
        assert not np.array_equal(end.images, samples.images)


def test_an_unknown_preset_is_refused():
    with pytest.raises(SettingsError, match="paper:hire, paper:conversion"):
        named_preset("paper:other")
