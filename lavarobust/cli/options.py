"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

BACKENDS = ("simulator", "lava", "loihi2")
Command = Callable[..., Any]


def _stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    default="simulator",
    show_default=True,
    help="What executes the integers. loihi2 needs Intel's lava-loihi and has not run on hardware.",
)

image_options = _stack(
    click.option("--data", help="Data set (digits, mnist, cifar10, a path) if not the one the file names."),
    click.option("--data-root", help="Folder of the data sets [default: $LAVAROBUST_DATA]."),
    click.option("--images", help="Own images: a .npy file, (N, H, W), (N, C, H, W) or (N, H, W, C)."),
    click.option("--labels", help="Their labels: a .npy file, (N,)."),
    click.option(
        "--part", type=click.Choice(("test", "validation", "train")), default="test", show_default=True
    ),
    click.option("--limit", type=int, help="Only the first so many images."),
)

plan_options = _stack(
    click.option("--steps", type=int, help="T, for a file that does not say."),
    click.option("--encoding", type=click.Choice(("direct", "repeat", "rate")), help="Likewise."),
    click.option("--levels", type=int, help="Integer levels of a pixel, likewise."),
    click.option("--readout", type=click.Choice(("membrane", "spike_count")), help="Likewise."),
)

json_option = click.option("--json", "json_path", help="Also write the result as JSON to this file.")


def split_choices(values: dict[str, Any]) -> tuple[Any, Any]:
    """The image and plan choices of a verb's keyword arguments."""
    from lavarobust.experiment.inputs import DataChoice
    from lavarobust.experiment.run import PlanChoice

    image_names = ("data", "data_root", "images", "labels", "part", "limit")
    plan_names = ("steps", "encoding", "levels", "readout")
    return (
        DataChoice(**{name: values[name] for name in image_names}),
        PlanChoice(**{name: values[name] for name in plan_names}),
    )


def print_assumptions(assumptions: tuple[str, ...]) -> None:
    """Say what nobody said."""
    for sentence in assumptions:
        click.echo(f"note: {sentence}", err=True)
