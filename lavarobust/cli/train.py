"""The verb ``train``."""

from __future__ import annotations

import json

import click

from lavarobust.cli.options import json_option
from lavarobust.cli.output import count, write_json


@click.command("train", short_help="Train the network of a recipe into a run folder.")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", metavar="FOLDER", help="Run folder [default: runs/NAME-SEED].")
@click.option("--data-root", metavar="FOLDER", help="Folder of the data sets [default: $LAVAROBUST_DATA].")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--force", is_flag=True, help="Overwrite a run.")
@click.option("--quiet", is_flag=True, help="No progress.")
@json_option
def train_command(
    recipe: str,
    overrides: tuple[str, ...],
    out: str | None,
    data_root: str | None,
    resume: bool,
    force: bool,
    quiet: bool,
    json_path: str | None,
) -> None:
    """Train the network of RECIPE: a YAML file, or a name such as digits-plain.

    \b
    Examples:
      lavarobust train digits-plain
      lavarobust train digits-adversarial training.objective.epsilon=0.15 seed=3
      lavarobust train my.yaml --out runs/mine --resume
    """
    if resume and force:
        raise click.UsageError("--resume goes on with a run and --force overwrites it: give one of them.")
    from lavarobust.experiment.train import train

    if data_root is not None:
        overrides = (*overrides, f"data.root={json.dumps(data_root)}")
    result = train(
        recipe, out, resume=resume, force=force, overrides=overrides, progress="off" if quiet else "auto"
    )
    validation = result.validation_accuracy
    known = "" if validation is None else f" ({validation:.1%} of the validation images, quantised network)"
    click.echo(f"trained for {count(result.epochs, 'epoch')}; kept epoch {result.best_epoch}{known}")
    click.echo(f"run folder: {result.folder}")
    click.echo(f"next: lavarobust export {result.folder}")
    write_json(json_path, result.as_dict())
