"""The verb ``run``."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

import click

from lavarobust.cli.options import backend_options, image_options, json_option, plan_options, split_choices
from lavarobust.cli.output import count, show_assumptions, show_table, write_json

if TYPE_CHECKING:
    from lavarobust.record import LayerCounts


@click.command("run", short_help="Execute a file on images: accuracy and exact counts.")
@click.argument("file")
@backend_options
@image_options
@plan_options
@click.option(
    "--strict",
    is_flag=True,
    help="Stop with an error, naming layer, step and neuron, at any integer that does not fit; else they are "
    "counted.",
)
@click.option(
    "--draws",
    type=int,
    default=1,
    show_default=True,
    help="Execute so often, each time with other draws of encoding and gates; counts are of the first.",
)
@json_option
def run_command(
    file: str, backend: str, workers: int, strict: bool, draws: int, json_path: str | None, **choices: Any
) -> None:
    """Execute FILE on images and print its accuracy and exact counts.

    \b
    Examples:
      lavarobust run model.net
      lavarobust run model.net --strict
      lavarobust run model.net --backend lava --workers 2 --limit 20
      lavarobust run other.net --steps 32 --encoding rate --data mnist --data-root ~/data
    """
    from lavarobust.experiment.run import run

    result = run(file, *split_choices(choices), backend=backend, workers=workers, strict=strict, draws=draws)
    record = result.record
    show_assumptions(result.assumptions)
    click.echo(
        f"{count(record.samples, 'image')} of {result.source}, {count(record.steps, 'step')} each, "
        f"executed on {record.backend}"
    )
    click.echo(
        f"accuracy {result.accuracy:.1%} ({result.accuracy_ties_wrong:.1%} with ties counted as wrong)"
    )
    if draws > 1:
        mean, std = fmean(result.draw_accuracies), stdev(result.draw_accuracies)
        click.echo(f"over {draws} draws: {mean:.1%}, standard deviation {std:.1%}")
    click.echo("Mean counts per image")
    show_table(
        ("layer", "neurons", "spikes", "synaptic operations", "", "wraps", "clips"),
        [_row(layer, record.samples) for layer in record.layers],
    )
    for layer in record.layers:
        lost = 0 if layer.cut_sums is None else int(layer.cut_sums.sum())
        if lost:
            click.echo(f"warning: {layer.name}: {count(lost, 'synaptic sum')} did not fit and lost bits")
    write_json(json_path, result.as_dict())


def _row(layer: LayerCounts, samples: int) -> tuple[str, ...]:
    spikes, operations, wraps, clips = (
        f"{getattr(layer, name).sum() / samples:,.1f}" for name in ("spikes", "synops", "wraps", "clips")
    )
    kind = "MAC" if layer.graded_input else "AC"
    return (layer.name, f"{layer.neurons:,}", spikes, operations, kind, wraps, clips)
