"""The verb ``check``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lavarobust.cli.options import json_option
from lavarobust.cli.output import count, show_table, write_json

if TYPE_CHECKING:
    from lavarobust.energy import Fit
    from lavarobust.energy.profiles import LimitName

_LIMITS: dict[LimitName, str] = {
    "compartments_per_core": "compartments",
    "synaptic_memory_bytes_per_core": "memory",
    "fan_in_axons_per_core": "fan-in",
    "fan_out_axons_per_core": "fan-out",
}


@click.command("check", short_help="Say what would run differently on a target, and its cores.")
@click.argument("arguments", nargs=-1, metavar="FILE | KEY=VALUE...")
@click.option(
    "--target",
    type=click.Choice(("lava", "loihi1", "loihi2")),
    default="lava",
    show_default=True,
    help="What it is held against; chips by published limits, not on hardware.",
)
@click.option("--recipe", metavar="NAME|YAML", help="In place of FILE: the untrained network of a recipe.")
@click.option("--input-shape", metavar="C,H,W", help="Of the input, for a file that does not say.")
@json_option
def check_command(
    arguments: tuple[str, ...],
    target: Literal["lava", "loihi1", "loihi2"],
    recipe: str | None,
    input_shape: str | None,
    json_path: str | None,
) -> None:
    """Say what in FILE would run differently than meant, and how stock lava-dl loads it.

    For a chip, also the cores that each layer takes. With --recipe the same before training. Exits with 1
    when something would run differently, or not at all.

    \b
    Examples:
      lavarobust check model.net
      lavarobust check model.net --target loihi2
      lavarobust check --recipe cifar-hire --target loihi1
      lavarobust check --recipe digits-hire --target loihi2 network.steps=8
    """
    from lavarobust.experiment.check import check, check_recipe

    if recipe is None and len(arguments) != 1:
        raise click.UsageError("give one FILE, or --recipe NAME.")
    if recipe is not None and input_shape is not None:
        raise click.UsageError("--input-shape belongs to a FILE; a recipe's data say it.")
    if recipe is None:
        result = check(arguments[0], target, input_shape)
    else:
        result = check_recipe(recipe, target, arguments)
    for finding in result.findings:
        click.echo(f"{finding.severity}: {finding.layer}: {finding.problem}. {finding.remedy}")
    found = [
        count(sum(finding.severity == severity for finding in result.findings), severity)
        for severity in ("error", "warning", "note")
    ]
    subject = arguments[0] if recipe is None else result.model
    click.echo(f"{subject}: {', '.join(found)} (target {target})")
    if result.fit is not None:
        _show_fit(result.fit)
    if recipe is not None:
        click.echo("its weights are random: what depends on their values is left to the trained file")
    elif result.stock_call is None:
        click.echo("stock lava-dl does not load it: it is an extended model")
    else:
        click.echo(f"stock lava-dl loads it with:\n  {result.stock_call}")
    write_json(json_path, result.as_dict())
    raise SystemExit(1 if result.errors else 0)


def _show_fit(fit: Fit) -> None:
    """Cores of each layer: together, and by each limit alone."""
    limits = [name for name in _LIMITS if name not in fit.unchecked]
    click.echo(f"Cores by {fit.profile}, together and by each limit alone")
    rows = [
        (
            layer.layer,
            f"{layer.neurons:,}",
            f"{layer.weights:,}",
            f"{layer.synapses:,}",
            *(_cores(layer.cores_by[name]) for name in limits),
            _cores(layer.cores),
            ", ".join(_LIMITS[name] for name in layer.bound) or "-",
        )
        for layer in fit.layers
    ]
    columns = ("layer", "neurons", "weights", "unrolled", *(_LIMITS[name] for name in limits))
    show_table((*columns, "cores", "bound by"), rows)
    chips = "" if fit.chips is None else f" on {count(fit.chips, 'chip')} of {fit.cores_per_chip}"
    total = "it does not fit" if fit.cores is None else f"{count(fit.cores, 'core')}{chips}"
    missing = ", ".join(_LIMITS[name] for name in fit.unchecked)
    click.echo(f"  {total}" + (f"; no limit is published of {missing}" if missing else ""))


def _cores(number: int | None) -> str:
    return "none" if number is None else f"{number:,}"
