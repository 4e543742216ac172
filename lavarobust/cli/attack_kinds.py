"""The kinds of work that ``attack`` does, and which of its options each has a use for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import click
from click.core import ParameterSource

from lavarobust.cli.options import LONE_ATTACKS, PRESETS

Kind = Literal["single", "sda", "operations", "suite", "paper"]

_GRADIENTS = {"surrogate", "width", "attack_steps", "backend", "save"}
_USED: dict[Kind, set[str]] = {
    "single": _GRADIENTS | {"epsilons", "norm", "restarts", "flips", "flip_iterations", "seed"},
    "sda": _GRADIENTS | {"seed"},
    "operations": _GRADIENTS | {"epsilons", "profiles"},
    "suite": {"epsilons", "norm", "other", "expectation", "votes", "audited", "out", "surrogate", "width",
              "seed", "save", "backend", "gap", "cost", "profiles"},
    "paper": {"votes", "seed"},
}  # fmt: skip
_ALWAYS = {"attacks", "workers", "json_path"}
_NEEDS = dict.fromkeys(("other", "expectation", "votes", "audited", "out", "gap", "cost"), "needs --suite")
_NEEDS["profiles"] = "needs --attack operations, or a --suite with --cost"


def kind_of(context: click.Context, attacks: Sequence[str], suite: str | None) -> Kind:
    """What is asked for.

    Raises:
        UsageError: things that do not go together, or an option that would do nothing.
    """
    kind = _kind(context, attacks, suite)
    asked = f"--suite {suite}" if suite is not None else f"--attack {kind}"
    refused = set().union(*_USED.values()) - _USED[kind] - _ALWAYS
    refused |= {"attacks"} if suite is not None else set()
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in refused and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            need = _NEEDS.get(name) if kind == "single" else None
            raise click.UsageError(f"{parameter.opts[0]} {need or f'is not for {asked}'}.", context)
    return kind


def _kind(context: click.Context, attacks: Sequence[str], suite: str | None) -> Kind:
    if suite is not None:
        return "paper" if suite in PRESETS else "suite"
    lone = [name for name in attacks if name in LONE_ATTACKS]
    if lone and len(set(attacks)) > 1:
        raise click.UsageError(
            f"--attack {lone[0]} has a goal of its own. Give it a command of its own.", context
        )
    if not lone:
        return "single"
    return "sda" if lone[0] == "sda" else "operations"
