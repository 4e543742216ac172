from __future__ import annotations

import pytest

from lavarobust.attacks import PGD
from lavarobust.attacks.suites import (
    OTHER_MODEL,
    SUITES,
    Member,
    adaptive,
    ensemble,
    fitted,
    named_suite,
    rule_name,
)
from lavarobust.dynamics import AdaptiveSharpness, Averaged, RateMask, Surrogate, straight_through
from lavarobust.errors import SettingsError


def test_the_ensemble_has_nineteen_unlike_members():
    names = [rule_name(rule) for rule in ensemble()]
    assert len(names) == len(set(names)) == 19


def test_exponential_members_have_the_published_height_and_slope():
    # the derivative is scale / (2 width) * exp(-|u| / width)
    rules = [rule for rule in ensemble() if isinstance(rule, Surrogate) and rule.name == "exponential"]
    heights = [(1 / rule.width, rule.scale / (2 * rule.width)) for rule in rules]
    expected = [(slope, height) for height in (0.3, 1.0) for slope in (0.5, 1.0, 2.0)]
    assert [value for pair in heights for value in pair] == pytest.approx(
        [value for pair in expected for value in pair]
    )


def test_names_tell_the_members_apart():
    for name in SUITES:
        names = [member.name for member in named_suite(name, other=True).members]
        assert len(names) == len(set(names))
    assert Member(PGD(20), Averaged(0.5)).name == "PGD-20, HART width 0.5"
    assert Member(PGD(20), RateMask(), OTHER_MODEL).name == "PGD-20, BPTR, from other model"
    assert rule_name(straight_through()) == "straight-through"
    assert rule_name(AdaptiveSharpness()) == "ASSG"
    assert rule_name(Surrogate("sigmoid", 4, through_reset=True)) == "sigmoid 4 through reset"


def test_each_member_says_what_its_attacker_knows():
    known = {member.name: member.knows for member in named_suite("exhaustive", other=True).members}
    assert known["PGD-20, BPTR"] == "everything"
    assert known["PGD-20, triangular 1, from other model"] == "another model"
    assert known["Square-5000"] == "scores"
    assert {member.knows for member in named_suite("quick").members} == {"nothing", "everything"}
    assert "decisions" in known.values()
    # adaptive sharpness is asked at bounds on both sides of its default
    assert [name for name in known if name.startswith("SA-PGD-100")] == [
        "SA-PGD-100, ASSG",
        *(f"SA-PGD-100, ASSG bound {bound}" for bound in (0.35, 0.38, 0.455, 0.485)),
    ]


def test_the_adaptive_suite_follows_the_models_own_surrogate_too():
    own = Surrogate("triangular", 1.0, scale=0.3)
    assert Member(PGD(20), own) in adaptive(own).members
    assert len(adaptive(own).members) == len(adaptive().members) + 1
    assert not any(member.source for member in adaptive().members)


def test_an_unknown_suite_is_refused():
    with pytest.raises(SettingsError, match="quick, standard, adaptive"):
        named_suite("easy")


def test_attacks_that_cannot_be_made_are_left_out_by_name():
    whole = named_suite("exhaustive")
    assert fitted(whole, "linf", 4) == (whole, ())
    events, said = fitted(whole, "linf", 5)
    assert len(events.members) == len(whole.members) - 2 and "Square-5000 is left out" in said[0]
    left, said = fitted(whole, "l2", 4)
    assert len(left.members) == len(whole.members) - 1
    assert len(said) == 1 and said[0].startswith("HopSkipJump-5000 is left out: ")
    with pytest.raises(SettingsError, match="suite standard: AutoAttack"):
        fitted(named_suite("standard"), "linf", 5)


def test_a_recurrent_model_is_attacked_through_surrogates_alone():
    left, said = fitted(adaptive(other=True), "linf", 4, recurrent=True)
    names = [member.name for member in left.members]
    assert names == [
        "PGD-20, triangular 1",
        "PGD-20, triangular 0.5",
        "PGD-20, exponential 1",
        "PGD-20, rectangular 2",
        "PGD-20, straight-through",
        "APGD-20 (DLR, 9 targets), triangular 1",
        "PGD-20, triangular 1, from other model",
        "Square-1000",
    ]
    assert any(sentence.startswith("SA-PGD-100, ASSG is left out: ") for sentence in said)
