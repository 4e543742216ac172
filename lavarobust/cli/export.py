"""The verb ``export``."""

from __future__ import annotations

import click

from lavarobust.cli.options import json_option, output_option
from lavarobust.cli.output import show_table, write_json


@click.command("export", short_help="Deploy a run's network as a NetX file.")
@click.argument("run")
@output_option("--out", "out", "The file [default: model.net in the run folder].")
@click.option("--allow-overflow", is_flag=True, default=None, help="Export although states wrap or clip.")
@json_option
def export_command(run: str, out: str | None, allow_overflow: bool | None, json_path: str | None) -> None:
    """Deploy the network of a run folder RUN as a NetX file that stock lava-dl runs identically.

    \b
    Examples:
      lavarobust export runs/digits-plain-0
      lavarobust export runs/digits-plain-0 --out plain.net
    """
    from lavarobust.experiment.export import export

    result = export(run, out, allow_overflow)
    accuracies = (
        ("float network", result.float_accuracy),
        ("quantised network (SLAYER)", result.quantised_accuracy),
        ("deployed integers (simulator)", result.deployed_accuracy),
    )
    known = [(name, f"{accuracy:.1%}") for name, accuracy in accuracies if accuracy is not None]
    if known:
        click.echo("Accuracy on the validation images")
        show_table(("stage", "accuracy"), known)
    if result.gate_opening is not None:
        click.echo(f"Gates let a spike pass with a probability of {result.gate_opening:.1%} on average")
    click.echo("Range of the states (24 bits), and bits of the weights per channel")
    rows = []
    for entry in result.overflow:
        bits = sorted(result.weight_bits.get(entry.layer, ()))
        states = (
            ("current", entry.current, entry.current_seen, entry.current_bound),
            ("potential", entry.potential, entry.potential_seen, entry.potential_bound),
        )
        for state, verdict, seen, bound in states:
            rows.append((entry.layer, state, verdict, f"{seen:,}", f"{bound:,}", _span(bits)))
    show_table(("layer", "state", "overflow", "seen", "bound", "weight bits"), rows, left=3)
    click.echo(f"wrote {result.path}")
    click.echo(f"next: lavarobust run {result.path} --backend lava")
    write_json(json_path, result.as_dict())


def _span(bits: list[int]) -> str:
    if not bits:
        return "-"
    return f"{bits[0]}" if bits[0] == bits[-1] else f"{bits[0]} to {bits[-1]}"
