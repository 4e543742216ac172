"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from lavarobust.files import check_can_be_written

if TYPE_CHECKING:
    from lavarobust.experiment.inputs import DataChoice
    from lavarobust.experiment.run import PlanChoice

BACKENDS = ("simulator", "lava", "loihi2")
ATTACKS = ("fgsm", "pgd", "noise", "gaussian", "rfgsm", "mim", "pgd-targeted", "apgd", "apgd-dlr", "apgd-t",
           "sa-pgd", "square")  # fmt: skip
LONE_ATTACKS = ("sda", "operations")
"""With goals of their own, and so beside no other."""

SUITES = ("quick", "standard", "adaptive", "exhaustive")
PRESETS = ("paper:hire", "paper:conversion", "paper:sr", "paper:stog", "paper:sea")
Command = Callable[..., Any]


def _stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def _writable(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a file that can't be written before the work, not after it."""
    if value is not None:
        check_can_be_written(value)
    return value


class Numbers(click.ParamType):
    """One number, or several with commas between."""

    name = "numbers"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is not a number, nor several with commas between.", parameter, context)


def output_option(flag: str, name: str, text: str) -> Callable[[Command], Command]:
    """An option that names a file to write."""
    return click.option(flag, name, metavar="FILE", callback=_writable, help=text)


json_option = output_option("--json", "json_path", "Also write the result as JSON to this file.")

profile_option = click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="NAME|FILE",
    help="Price table, by name or as a TOML file; may be given several times [default: "
    "horowitz_45nm_fp32 and horowitz_45nm_int32].",
)

backend_options = _stack(
    click.option(
        "--backend",
        type=click.Choice(BACKENDS),
        default="simulator",
        show_default=True,
        help="What executes the integers. loihi2 needs Intel's lava-loihi and has not run on hardware.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        default=1,
        show_default=True,
        help="Processes that the lava backend divides the images among.",
    ),
)

image_options = _stack(
    click.option(
        "--data",
        metavar="NAME",
        help="A known data set (see README) or a path [default: the data set that FILE names].",
    ),
    click.option("--data-root", metavar="FOLDER", help="Of the data sets [default: $LAVAROBUST_DATA]."),
    click.option(
        "--images", metavar="FILE", help="Own images: a .npy file, (N, H, W), (N, C, H, W) or (N, H, W, C)."
    ),
    click.option("--labels", metavar="FILE", help="Their classes from 0: a .npy file, (N,)."),
    click.option(
        "--part",
        type=click.Choice(("test", "validation", "train")),
        default="test",
        show_default=True,
        help="Of the data set.",
    ),
    click.option("--limit", type=int, metavar="N", help="Only the first N images."),
)

plan_options = _stack(
    click.option("--steps", type=int, metavar="T", help="Steps per image [default: what FILE says]."),
    click.option(
        "--encoding",
        type=click.Choice(("direct", "repeat", "rate", "signed_rate", "frames")),
        help="How pixels become integers: sent once, at every step, as random spikes (signed by the mean "
        "image of FILE or not), or event frames at theirs [default: likewise].",
    ),
    click.option("--levels", type=int, metavar="N", help="Integer levels of a pixel [default: likewise]."),
    click.option(
        "--mean",
        type=Numbers(),
        metavar="M[,M]",
        help="What the model's makers took from a pixel, of every channel or of each [default: likewise].",
    ),
    click.option(
        "--std",
        type=Numbers(),
        metavar="S[,S]",
        help="What they then divided it by; --mean 0.5 --std 0.5 makes pixels -1 to 1 [default: likewise].",
    ),
    click.option(
        "--readout",
        type=click.Choice(("membrane", "spike_count")),
        help="What the prediction is the largest of [default: likewise].",
    ),
)


def split_choices(values: dict[str, Any]) -> tuple[DataChoice, PlanChoice]:
    """The image and plan choices among a verb's keyword arguments."""
    from lavarobust.experiment.inputs import DataChoice
    from lavarobust.experiment.run import PlanChoice

    image_names = ("data", "data_root", "images", "labels", "part", "limit")
    plan_names = ("steps", "encoding", "levels", "mean", "std", "readout")
    return (
        DataChoice(**{name: values[name] for name in image_names}),
        PlanChoice(**{name: values[name] for name in plan_names}),
    )
