"""The verb ``check``."""

from __future__ import annotations

from typing import Literal

import click

from lavarobust.cli.options import json_option
from lavarobust.cli.output import count, write_json


@click.command("check", short_help="Say what in a file would run differently than meant.")
@click.argument("file")
@click.option(
    "--target",
    type=click.Choice(("lava", "loihi2")),
    default="lava",
    show_default=True,
    help="What the file is held against; loihi2 by Lava's documented limits, not on hardware.",
)
@click.option("--input-shape", metavar="C,H,W", help="Of the input, for a file that does not say.")
@json_option
def check_command(
    file: str, target: Literal["lava", "loihi2"], input_shape: str | None, json_path: str | None
) -> None:
    """Say what in FILE would run differently than meant, and how stock lava-dl loads it.

    Exits with 1 when something would.

    \b
    Examples:
      lavarobust check model.net
      lavarobust check model.net --target loihi2
    """
    from lavarobust.experiment.check import check

    result = check(file, target, input_shape)
    for finding in result.findings:
        click.echo(f"{finding.severity}: {finding.layer}: {finding.problem}. {finding.remedy}")
    found = [
        count(sum(finding.severity == severity for finding in result.findings), severity)
        for severity in ("error", "warning", "note")
    ]
    click.echo(f"{file}: {', '.join(found)} (target {target})")
    if result.stock_call is None:
        click.echo("stock lava-dl does not load it: it is an extended model")
    else:
        click.echo(f"stock lava-dl loads it with:\n  {result.stock_call}")
    write_json(json_path, result.as_dict())
    raise SystemExit(1 if result.errors else 0)
