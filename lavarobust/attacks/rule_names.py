"""Gradient rules in few words, and by name."""

from __future__ import annotations

from typing import Any

from lavarobust.dynamics import (
    SURROGATES,
    AdaptiveSharpness,
    Analog,
    Averaged,
    GradientRule,
    PotentialDependent,
    RateGradient,
    RateMask,
    Surrogate,
    straight_through,
)
from lavarobust.errors import SettingsError

_NAMES: dict[str, type] = {
    "BPTR": RateMask,
    "RGA": RateGradient,
    "HART": Averaged,
    "PDSG": PotentialDependent,
    "ASSG": AdaptiveSharpness,
    "analog twin": Analog,
}
_STRAIGHT_THROUGH = "straight-through"

RULES = (*SURROGATES, _STRAIGHT_THROUGH, "bptr", "rga", "hart", "pdsg", "assg", "analog")
"""What :func:`named_rule` knows."""


def rule_name(rule: GradientRule) -> str:
    """A gradient rule in few words: its kind, and what differs from its defaults."""
    if isinstance(rule, Surrogate):
        if rule == straight_through():
            return _STRAIGHT_THROUGH
        words = [f"{rule.name} {rule.width:g}"]
        words += [f"scale {rule.scale:g}"] if rule.scale != 1 else []
        words += ["through reset"] if rule.through_reset else []
        return " ".join(words)
    [name] = [name for name, kind in _NAMES.items() if isinstance(rule, kind)]
    return " ".join([name, *_changed(rule)])


def named_rule(name: str, width: float = 1.0) -> GradientRule:
    """A gradient rule by its name.

    Args:
        name: one of :data:`RULES`.
        width: of a surrogate and of ``hart``, in thresholds; the others have none.

    Raises:
        SettingsError: an unknown name, or a width that the rule does not have.
    """
    if name in SURROGATES:
        return Surrogate(name, width)
    if name == "hart":
        return Averaged(width)
    made: dict[str, GradientRule] = {
        _STRAIGHT_THROUGH: straight_through(),
        "bptr": RateMask(),
        "rga": RateGradient(),
        "pdsg": PotentialDependent(),
        "assg": AdaptiveSharpness(),
        "analog": Analog(),
    }
    if name not in made:
        raise SettingsError(f"gradient rule {name!r} is unknown. Choose from: {', '.join(RULES)}.")
    if width != 1:
        raise SettingsError(f"the gradient rule {name} has no width. Leave it out, or choose a surrogate.")
    return made[name]


def _changed(rule: Any) -> list[str]:
    values, usual = vars(rule), vars(type(rule)())
    return [f"{name} {value}" for name, value in values.items() if value != usual[name]]
