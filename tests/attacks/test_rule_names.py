from __future__ import annotations

import pytest

from lavarobust.attacks.rule_names import RULES, named_rule, rule_name
from lavarobust.dynamics import Averaged, Surrogate
from lavarobust.errors import SettingsError


def test_every_rule_has_a_name_and_is_found_by_it():
    assert len({rule_name(named_rule(name)) for name in RULES}) == len(RULES)
    assert named_rule("rectangular", 0.5) == Surrogate("rectangular", 0.5)
    assert named_rule("hart", 2.0) == Averaged(2.0)


@pytest.mark.parametrize(
    ("name", "width", "said"), [("magic", 1.0, "triangular, .*analog"), ("bptr", 2.0, "bptr has no width")]
)
def test_rules_that_are_none_are_refused(name, width, said):
    with pytest.raises(SettingsError, match=said):
        named_rule(name, width)
