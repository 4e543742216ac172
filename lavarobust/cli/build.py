"""Verbs that make a model: train, export, check."""

from __future__ import annotations

from typing import Literal

import click


@click.command("train")
@click.argument("recipe")
@click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", help="Run folder [default: runs/NAME-SEED].")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--force", is_flag=True, help="Overwrite a run.")
@click.option("--quiet", is_flag=True, help="No progress.")
def train_command(
    recipe: str, overrides: tuple[str, ...], out: str | None, resume: bool, force: bool, quiet: bool
) -> None:
    """Train the network of RECIPE: a YAML file, or a name such as digits-plain.

    \b
    Examples:
      lavarobust train digits-plain
      lavarobust train digits-adversarial training.objective.epsilon=0.15 seed=3
      lavarobust train my.yaml --out runs/mine --resume
    """
    from lavarobust.experiment.train import train

    result = train(
        recipe, out, resume=resume, force=force, overrides=overrides, progress="off" if quiet else "auto"
    )
    validation = result.validation_accuracy
    click.echo(
        f"trained {result.epochs} epochs; selected epoch {result.best_epoch}"
        + ("" if validation is None else f" with {validation:.1%} on validation images (quantised network)")
    )
    click.echo(f"run folder: {result.folder}")
    click.echo(f"next: lavarobust export {result.folder}")


@click.command("export")
@click.argument("run")
@click.option("--out", help="The file [default: model.net in the run folder].")
@click.option("--allow-overflow", is_flag=True, default=None, help="Export although states wrap or clip.")
def export_command(run: str, out: str | None, allow_overflow: bool | None) -> None:
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
    for name, accuracy in accuracies:
        if accuracy is not None:
            click.echo(f"{name:<30} {accuracy:.1%} on validation images")
    for entry in result.overflow:
        bits = sorted(result.weight_bits.get(entry.layer, ()))
        weights = f"; weight bits per channel {bits[0]} to {bits[-1]}" if bits else ""
        click.echo(
            f"layer {entry.layer:<10} current {entry.current} (seen {entry.current_seen:,}, bound "
            f"{entry.current_bound:,}), potential {entry.potential} (seen {entry.potential_seen:,}, bound "
            f"{entry.potential_bound:,}){weights}"
        )
    click.echo(f"wrote {result.path}")


@click.command("check")
@click.argument("file")
@click.option("--target", type=click.Choice(("lava", "loihi2")), default="lava", show_default=True)
@click.option("--input-shape", help="C,H,W of the input, for a file that does not say.")
def check_command(file: str, target: Literal["lava", "loihi2"], input_shape: str | None) -> None:
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
    errors = sum(finding.severity == "error" for finding in result.findings)
    click.echo(f"{file}: {errors} errors, {len(result.findings) - errors} warnings and notes for {target}")
    click.echo(f"stock lava-dl loads it with:\n  {result.stock_call}")
    raise SystemExit(1 if errors else 0)
