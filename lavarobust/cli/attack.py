"""The verb ``attack``."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from lavarobust.cli.attack_kinds import kind_of
from lavarobust.cli.attack_operations import run_operations
from lavarobust.cli.attack_single import run_single
from lavarobust.cli.attack_sparse import run_sparse
from lavarobust.cli.attack_suite import run_preset, run_suite
from lavarobust.cli.options import (
    ATTACKS,
    LONE_ATTACKS,
    PRESETS,
    SUITES,
    backend_options,
    image_options,
    json_option,
    output_option,
    plan_options,
    profile_option,
)


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
              help="Fresh draws that judge a suite's images in the end, where FILE draws; odd.")  # fmt: skip
@click.option("--audit", "audited", type=click.IntRange(min=0), default=16, show_default=True, metavar="N",
              help="Images per epsilon of a suite that Lava executes once more.")  # fmt: skip
@click.option(
    "--gap",
    is_flag=True,
    help="Also make a suite's attacks on the network in float, which lies in FILE's run folder, and show all "
    "images to it, to SLAYER and to the integers.",
)
@click.option(
    "--cost",
    is_flag=True,
    help="Also tell what a suite's worst images cost in spikes, synaptic operations and energy.",
)
@click.option("--out", metavar="FOLDER", help="Keep what a suite finds there, and go on from it.")
@click.option("--attack", "attacks", multiple=True, default=("fgsm", "pgd"), show_default=True,
              type=click.Choice((*ATTACKS, *LONE_ATTACKS)),
              help="May be given several times; sda and operations stand alone.")  # fmt: skip
@click.option(
    "--attack-steps",
    type=int,
    default=20,
    show_default=True,
    metavar="N",
    help="Of iterative attacks; Square asks 50 times as often, and sda takes 500 unless told.",
)
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
@output_option("--save", "save", "Write the images of the last attack, or SDA's frames, to this .npz file.")
@profile_option
@backend_options
@image_options
@plan_options
@json_option
@click.pass_context
def attack_command(context: click.Context, file: str, **options: Any) -> None:
    """Attack FILE white-box through its executed integers, and judge the result on a backend.

    Single attacks by --attack and --flips, or a --suite of them, each on what withstood those before it, with
    a diagnosis that says whether to believe what is left. Two attacks have goals of their own, and stand
    alone: sda looks for the fewest flips of input of 0 and 1 (rate spikes, events) that fool FILE, and
    operations for images of the box that make it execute the most synaptic operations.

    \b
    Examples:
      lavarobust attack model.net --epsilon 0.1
      lavarobust attack model.net --epsilon 0.05 --epsilon 0.1 --restarts 5 --backend lava --limit 100
      lavarobust attack rate.net --flips 10 --flips 20
      lavarobust attack rate.net --attack sda --limit 20
      lavarobust attack model.net --attack operations --eps 0.1 --profile horowitz_45nm_int32
      lavarobust attack model.net --suite adaptive --eps 0.1 --limit 1000 --workers 2 --out attacked
      lavarobust attack runs/mine/model.net --suite quick --limit 100 --gap --cost
      lavarobust attack model.net --suite paper:sr --limit 500
    """
    kind = kind_of(context, options["attacks"], options["suite"])
    if kind == "paper":
        run_preset(file, options)
    elif kind == "suite":
        run_suite(file, options)
    elif kind == "sda":
        given = context.get_parameter_source("attack_steps") is ParameterSource.COMMANDLINE
        run_sparse(file, options, options["attack_steps"] if given else None)
    elif kind == "operations":
        run_operations(file, options)
    else:
        run_single(file, options)
