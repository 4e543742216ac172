"""The verb ``attack``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from lavarobust.cli.attack_single import show_attacks
from lavarobust.cli.attack_suite import show_benchmark, show_preset
from lavarobust.cli.options import (
    ATTACKS,
    PRESETS,
    SUITES,
    backend_options,
    image_options,
    json_option,
    output_option,
    plan_options,
    split_choices,
)
from lavarobust.cli.output import Progress, write_json

if TYPE_CHECKING:
    import numpy as np

    from lavarobust.attacks.threat import Norm


@click.command("attack", short_help="Attack a file white-box, by single attacks or a whole suite.")
@click.argument("file")
@click.option("--epsilon", "--eps", "epsilons", type=float, multiple=True, default=(0.1,), show_default=True,
              help="Radius, pixels being in [0, 1]; may be given several times.")  # fmt: skip
@click.option("--suite", type=click.Choice((*SUITES, *PRESETS)),
              help="Attacks, each on what withstood those before, diagnosed; or a paper's.")  # fmt: skip
@click.option("--norm", type=click.Choice(("linf", "l2")), default="linf", show_default=True,
              help="What epsilon bounds.")  # fmt: skip
@click.option("--other", metavar="FILE",
              help="Another model of the same task: a suite transfers images from it.")  # fmt: skip
@click.option("--expectation", type=int, default=10, show_default=True, metavar="N",
              help="Draws that a suite's gradients are averaged over, where FILE draws.")  # fmt: skip
@click.option("--votes", type=int, default=11, show_default=True, metavar="N",
              help="Fresh draws that judge an image of a suite then; odd.")  # fmt: skip
@click.option("--audit", "audited", type=click.IntRange(min=0), default=16, show_default=True, metavar="N",
              help="Images per epsilon of a suite that Lava executes once more.")  # fmt: skip
@click.option("--out", metavar="FOLDER", help="Keep what a suite finds there, and go on from it.")
@click.option("--attack", "attacks", multiple=True, default=("fgsm", "pgd"), show_default=True,
              type=click.Choice(ATTACKS),
              help="May be given several times.")  # fmt: skip
@click.option("--attack-steps", type=int, default=20, show_default=True, metavar="N",
              help="Of iterative attacks; Square asks 50 times as often.")  # fmt: skip
@click.option("--restarts", type=int, default=1, show_default=True, metavar="N", help="Random starts.")
@click.option(
    "--flips",
    type=int,
    multiple=True,
    metavar="K",
    help="Also attack the encoding (SEA): K entries per frame; may be given several times.",
)
@click.option("--flip-iterations", type=int, default=10, show_default=True, metavar="N",
              help="Gradients of the iterated attack on the encoding, beside the published one.")  # fmt: skip
@click.option("--surrogate", default="triangular", show_default=True, metavar="NAME",
              help="How the attacker's gradients go through spikes: a surrogate (triangular, rectangular, "
              "exponential, arctangent, sigmoid, gaussian), straight-through, bptr, rga, hart, pdsg, assg or "
              "analog.")  # fmt: skip
@click.option("--width", type=float, default=1.0, show_default=True, help="Of a surrogate, in thresholds.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random starts.")
@output_option("--save", "save", "Write the adversarial images of the last attack to this .npz file.")
@backend_options
@image_options
@plan_options
@json_option
@click.pass_context
def attack_command(
    context: click.Context,
    file: str,
    epsilons: tuple[float, ...],
    suite: str | None,
    norm: Norm,
    other: str | None,
    expectation: int,
    votes: int,
    audited: int,
    out: str | None,
    attacks: tuple[str, ...],
    attack_steps: int,
    restarts: int,
    flips: tuple[int, ...],
    flip_iterations: int,
    surrogate: str,
    width: float,
    seed: int,
    save: str | None,
    backend: str,
    workers: int,
    json_path: str | None,
    **choices: Any,
) -> None:
    """Attack FILE white-box through its executed integers, and judge the result on a backend.

    \b
    Examples:
      lavarobust attack model.net --epsilon 0.1
      lavarobust attack model.net --epsilon 0.05 --epsilon 0.1 --restarts 5 --backend lava --limit 100
      lavarobust attack rate.net --flips 10 --flips 20
      lavarobust attack model.net --suite adaptive --eps 0.1 --limit 1000 --workers 2 --out attacked
      lavarobust attack model.net --suite paper:sr --limit 500
    """
    from lavarobust.attacks.rule_names import named_rule
    from lavarobust.experiment.attack import attack, named_attacks
    from lavarobust.experiment.benchmark import benchmark
    from lavarobust.experiment.preset import report_preset

    _refuse_mixed(context, suite)
    rule, chosen = named_rule(surrogate, width), split_choices(choices)
    if suite in PRESETS:
        with Progress() as progress:
            reported = report_preset(
                file, *chosen, preset=suite, votes=votes, workers=workers, seed=seed, progress=progress
            )
        show_preset(reported)
        write_json(json_path, reported.as_dict())
        return
    if suite is not None:
        with Progress() as progress:
            found = benchmark(
                file,
                *chosen,
                suite=suite,
                epsilons=epsilons,
                norm=norm,
                rule=rule,
                other=other,
                expectation=expectation,
                votes=votes,
                backend=backend,
                audited=audited,
                workers=workers,
                seed=seed,
                folder=out,
                progress=progress,
            )
        show_benchmark(found)
        if save:
            _save_images(Path(save), found.results[-1].images, found.labels)
        write_json(json_path, found.as_dict())
        return
    with Progress() as progress:
        report = attack(
            file,
            *chosen,
            attacks=named_attacks(attacks, attack_steps, restarts),
            epsilons=epsilons,
            norm=norm,
            flips=flips,
            flip_iterations=flip_iterations,
            rule=rule,
            backend=backend,
            workers=workers,
            seed=seed,
            progress=progress,
        )
    show_attacks(report)
    if save:
        _save_images(Path(save), report.result.outcomes[-1].images, report.result.clean.labels)
    write_json(json_path, report.as_dict())


_SINGLE = ("attacks", "attack_steps", "restarts", "flips", "flip_iterations")
_NOT_OF_PRESETS = ("epsilons", "norm", "surrogate", "width", "other", "expectation", "audited", "out",
                   "backend", "save")  # fmt: skip
_SUITE = ("other", "expectation", "votes", "audited", "out")


def _refuse_mixed(context: click.Context, suite: str | None) -> None:
    """A suite says itself what it runs, and single attacks have no use for a suite's options."""
    unused = _SUITE if suite is None else (*_SINGLE, *(_NOT_OF_PRESETS if suite in PRESETS else ()))
    for parameter in context.command.params:
        if (
            parameter.name in unused
            and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        ):
            need = "needs --suite" if suite is None else f"is not for --suite {suite}"
            raise click.UsageError(f"{parameter.opts[0]} {need}.", context)


def _save_images(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    import numpy as np

    from lavarobust.files import replacing

    with replacing(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, images=images, labels=labels)
    click.echo(f"wrote {path}")
