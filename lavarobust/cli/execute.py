"""Verbs that execute a model: run, attack, energy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lavarobust.cli.options import (
    backend_option,
    image_options,
    json_option,
    plan_options,
    print_assumptions,
    split_choices,
)


@click.command("run")
@click.argument("file")
@backend_option
@image_options
@plan_options
@json_option
def run_command(file: str, backend: str, json_path: str | None, **choices: Any) -> None:
    """Execute FILE on images and print its accuracy and exact counts.

    \b
    Examples:
      lavarobust run model.net
      lavarobust run model.net --backend lava --limit 20
      lavarobust run other.net --steps 32 --encoding rate --data mnist --data-root ~/data
    """
    from lavarobust.experiment.run import run

    result = run(file, *split_choices(choices), backend=backend)
    print_assumptions(result.assumptions)
    record = result.record
    click.echo(
        f"{result.accuracy:.1%} of {record.samples} images of {result.source} (backend {record.backend}, "
        f"T = {record.steps}); {result.accuracy_ties_wrong:.1%} with ties counted as wrong"
    )
    click.echo(f"{'layer':<14}{'neurons':>9}{'spikes':>12}{'synops':>14}{'wraps':>9}{'clips':>9}   per image")
    layers = []
    for layer in record.layers:
        means = {
            name: float(getattr(layer, name).sum() / record.samples)
            for name in ("spikes", "synops", "synops_dense", "input_events", "wraps", "clips")
        }
        layers.append(
            {"layer": layer.name, "neurons": layer.neurons, "graded_input": layer.graded_input} | means
        )
        kind = "MAC" if layer.graded_input else "AC"
        click.echo(
            f"{layer.name:<14}{layer.neurons:>9,}{means['spikes']:>12,.1f}{means['synops']:>14,.1f}"
            f"{means['wraps']:>9,.1f}{means['clips']:>9,.1f}   {kind}"
        )
    _write_json(
        json_path,
        {
            "file": file,
            "backend": record.backend,
            "images": result.source,
            "samples": record.samples,
            "steps": record.steps,
            "readout": record.readout,
            "accuracy": result.accuracy,
            "accuracy_ties_wrong": result.accuracy_ties_wrong,
            "predictions": record.prediction.tolist(),
            "layers": layers,
            "assumptions": list(result.assumptions),
        },
    )


@click.command("attack")
@click.argument("file")
@click.option("--epsilon", "epsilons", type=float, multiple=True, default=(0.1,), show_default=True,
              help="linf radius, pixels being in [0, 1]; may be given several times.")  # fmt: skip
@click.option("--attack", "attacks", multiple=True, default=("fgsm", "pgd"), show_default=True,
              type=click.Choice(("fgsm", "pgd")))  # fmt: skip
@click.option("--attack-steps", type=int, default=20, show_default=True, help="Of PGD.")
@click.option("--restarts", type=int, default=1, show_default=True, help="Random restarts of PGD.")
@click.option("--surrogate", default="triangular", show_default=True, help="Of the attacker's gradients.")
@click.option("--width", type=float, default=1.0, show_default=True, help="Of the surrogate, in thresholds.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random starts.")
@click.option("--save", help="Write the adversarial images of the last attack to this .npz file.")
@backend_option
@image_options
@plan_options
@json_option
def attack_command(
    file: str,
    epsilons: tuple[float, ...],
    attacks: tuple[str, ...],
    attack_steps: int,
    restarts: int,
    surrogate: str,
    width: float,
    seed: int,
    save: str | None,
    backend: str,
    json_path: str | None,
    **choices: Any,
) -> None:
    """Attack FILE white-box through its executed integers, and judge the result on a backend.

    \b
    Examples:
      lavarobust attack model.net --epsilon 0.1
      lavarobust attack model.net --epsilon 0.05 --epsilon 0.1 --restarts 5 --backend lava --limit 100
    """
    from lavarobust.dynamics import Surrogate
    from lavarobust.experiment.attack import attack, named_attacks

    report = attack(
        file,
        *split_choices(choices),
        attacks=named_attacks(attacks, attack_steps, restarts),
        epsilons=epsilons,
        surrogate=Surrogate(surrogate, width),
        backend=backend,
        seed=seed,
        progress=_progress_line,
    )
    print_assumptions(report.assumptions)
    result = report.result
    click.echo(
        f"{result.clean.record.samples} images of {report.source}, executed on {result.backend}: "
        f"clean accuracy {result.clean.accuracy:.1%}"
    )
    rows = []
    for outcome in result.outcomes:
        row = {
            "attack": outcome.settings.name,
            "epsilon": outcome.threat.epsilon,
            "accuracy": outcome.executed.accuracy,
            "accuracy_ties_wrong": outcome.executed.strict_accuracy,
            "success_rate": outcome.success_rate,
            "zero_gradient_share": outcome.zero_gradient_share,
            "surprises": outcome.surprises,
            "forward_queries": outcome.queries.forward,
            "backward_queries": outcome.queries.backward,
        }
        rows.append(row)
        click.echo(
            f"{row['attack']:<10} epsilon {row['epsilon']:<8.4g} accuracy {row['accuracy']:.1%}, "
            f"success rate {row['success_rate']:.1%}, zero gradients {row['zero_gradient_share']:.1%}, "
            f"differs from the simulator on {row['surprises']} images"
        )
    robust = {threat.epsilon: result.robust_accuracy(threat) for threat in result.threats}
    for epsilon, share in robust.items():
        click.echo(
            f"robust accuracy at epsilon {epsilon:.4g}: {share:.1%} (per image the worst of these attacks)"
        )
    if save:
        _save_images(Path(save), result.outcomes[-1].images, result.clean.labels)
    _write_json(
        json_path,
        {
            "file": file,
            "backend": result.backend,
            "images": report.source,
            "samples": result.clean.record.samples,
            "surrogate": {"name": surrogate, "width": width},
            "seed": seed,
            "clean_accuracy": result.clean.accuracy,
            "robust_accuracy": [{"epsilon": key, "accuracy": value} for key, value in robust.items()],
            "attacks": rows,
            "assumptions": list(report.assumptions),
        },
    )


@click.command("energy")
@click.argument("file")
@click.option(
    "--profile", "profiles", multiple=True, help="Price table, by name or TOML file; several allowed."
)
@click.option(
    "--rule", "rules", multiple=True, help="executed, hire-eq7 or hire-eq8 [default: all that apply]."
)
@backend_option
@image_options
@plan_options
@json_option
def energy_command(
    file: str,
    profiles: tuple[str, ...],
    rules: tuple[str, ...],
    backend: str,
    json_path: str | None,
    **choices: Any,
) -> None:
    """Price what FILE executes: exact counts times a price table, in pJ per image.

    \b
    Examples:
      lavarobust energy model.net
      lavarobust energy model.net --profile horowitz_45nm_int32 --rule executed
      lavarobust energy model.net --profile mine.toml
    """
    from lavarobust.experiment.bill import PROFILES, bill

    report = bill(
        file, *split_choices(choices), profiles=profiles or PROFILES, rules=rules or None, backend=backend
    )
    print_assumptions(report.assumptions)
    click.echo(
        f"{report.record.samples} images of {report.source}, executed and counted on {report.record.backend}"
    )
    for each in report.bills:
        click.echo(f"\n{each.profile}, rule {each.rule} (weakest evidence: {each.weakest_evidence})")
        for row in each.rows():
            cells = [
                "" if row[name] is None else f"{row[name]:,.{digits}f}"
                for name, digits in (("operations", 1), ("price_pj", 2), ("energy_pj", 1))
            ]
            click.echo(
                f"  {row['layer']:<12}{row['term']:<36}{cells[0]:>14}{cells[1]:>8} pJ{cells[2]:>16} pJ"
            )
        spread = each.total_pj
        click.echo(
            f"  per image: mean {spread.mean:,.1f}, median {spread.median:,.1f}, p95 {spread.p95:,.1f} pJ"
        )
    _write_json(
        json_path, {"file": file, "images": report.source, "bills": [each.as_dict() for each in report.bills]}
    )


def _progress_line(what: str, done: int, total: int) -> None:
    click.echo(f"{what}: {done}/{total}", err=True)


def _write_json(path: str | None, content: dict[str, Any]) -> None:
    if path is None:
        return
    from lavarobust.files import atomic_write

    atomic_write(path, (json.dumps(content, indent=2) + "\n").encode())


def _save_images(path: Path, images: Any, labels: Any) -> None:
    import numpy as np

    from lavarobust.files import replacing

    with replacing(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, images=images, labels=labels)
    click.echo(f"wrote {path}")
