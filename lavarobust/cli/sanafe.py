"""The verb ``sanafe``."""

from __future__ import annotations

from typing import Any

import click

from lavarobust.cli.options import image_options, json_option, plan_options, split_choices
from lavarobust.cli.output import count, show_assumptions, show_table, write_json


@click.command("sanafe", short_help="Export one image to SANA-FE, for latency and messages.")
@click.argument("file")
@click.option(
    "--out", "folder", required=True, metavar="FOLDER", help="Of architecture.yaml and network.yaml."
)
@click.option("--index", type=int, default=0, show_default=True, help="Which of the images.")
@click.option(
    "--profile",
    default="loihi_sanafe",
    show_default=True,
    metavar="NAME",
    help="Prices of the architecture: loihi_sanafe or loihi1_davies2018.",
)
@image_options
@plan_options
@json_option
def sanafe_command(
    file: str, folder: str, index: int, profile: str, json_path: str | None, **choices: Any
) -> None:
    """Write one image on FILE as input of SANA-FE, and run it there where it is installed (extra: sanafe).

    Exits with 1 where a layer spikes otherwise there than on the simulator.

    \b
    Examples:
      lavarobust sanafe digits-plain --out plain-on-loihi
      lavarobust sanafe model.net --out folder --index 7 --profile loihi1_davies2018
    """
    from lavarobust.energy.sanafe import ASSUMPTIONS
    from lavarobust.experiment.sanafe import sanafe

    report = sanafe(file, folder, *split_choices(choices), index=index, profile=profile)
    export, run = report.export, report.run
    show_assumptions(report.assumptions)
    click.echo(
        f"image {index} of {report.source}, {count(export.window, 'step')}, on {count(export.cores, 'core')} "
        f"priced by {report.profile}"
    )
    rows = [
        (name, f"{executed:,}", "-" if simulated is None else f"{simulated:,}")
        for name, executed, simulated in report.spikes
    ]
    show_table(("layer", "spikes, simulator", "spikes, SANA-FE"), rows)
    if run is None:
        click.echo(f"not run: {report.missing}")
    else:
        energy = ", ".join(f"{part} {value:,.0f}" for part, value in run.energy_pj.items() if part != "total")
        click.echo(
            f"  {run.synaptic_operations:,} synaptic operations, {export.bias_operations:,} of them biases; "
            f"{count(run.messages, 'message')} between cores\n"
            f"  {run.energy_pj['total']:,.0f} pJ ({energy}), simulated\n"
            f"  {run.latency_s * 1e6:,.1f} us for {count(run.steps, 'step')}"
        )
    for sentence in (*ASSUMPTIONS, *export.notes):
        click.echo(f"  {sentence}")
    for path in report.files:
        click.echo(f"wrote {path}")
    write_json(json_path, report.as_dict())
    raise SystemExit(1 if report.differing else 0)
