"""The command group, and how errors and interruptions end it."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from lavarobust.cli.attack import attack_command
from lavarobust.cli.check import check_command
from lavarobust.cli.energy import energy_command
from lavarobust.cli.export import export_command
from lavarobust.cli.report import demo_command, report_command
from lavarobust.cli.run import run_command
from lavarobust.cli.sanafe import sanafe_command
from lavarobust.cli.sweep import sweep_command
from lavarobust.cli.train import train_command
from lavarobust.errors import LavarobustError, StoppedError

EXIT_ERROR = 2
EXIT_STOPPED = 130

EXAMPLES = """\b
Examples:
  lavarobust demo
  lavarobust train digits-plain --out runs/plain
  lavarobust export runs/plain
  lavarobust check runs/plain/model.net --target loihi2
  lavarobust run runs/plain/model.net --backend lava --limit 50
  lavarobust attack runs/plain/model.net --epsilon 0.1
  lavarobust energy runs/plain/model.net --profile horowitz_45nm_int32
  lavarobust sanafe runs/plain/model.net --out on-loihi
  lavarobust report runs/plain runs/adversarial
  lavarobust sweep digits-defenses --workers 2"""


class Application(click.Group):
    """Lists its verbs along the road, and ends every error in one line on standard error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order in which they were added."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; click would end Ctrl-C with an empty line of its own."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise StoppedError("stopped") from None

    def main(self, *arguments: Any, **options: Any) -> NoReturn:
        """Run the command line and exit: 0, 2 for every error of ours or of usage, 130 for Ctrl-C."""
        try:
            code = super().main(*arguments, **options | {"standalone_mode": False})
        except StoppedError as stop:
            _end(str(stop), EXIT_STOPPED)
        except click.Abort:
            _end("stopped", EXIT_STOPPED)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else "lavarobust"
            _end(f"error: {_one_line(error.format_message())} See {path} --help", EXIT_ERROR)
        except (LavarobustError, click.ClickException) as error:
            _end(f"error: {_one_line(str(error))}", EXIT_ERROR)
        except (MemoryError, RuntimeError) as error:
            if not _lacks_memory(error):
                raise
            _end("error: not enough memory. Use fewer images (--limit) or fewer steps", EXIT_ERROR)
        sys.exit(code if isinstance(code, int) else 0)


def _end(line: str, code: int) -> NoReturn:
    click.echo(line, err=True)
    sys.exit(code)


def _lacks_memory(error: Exception) -> bool:
    """numpy says so by its class, torch on a CPU only by its words."""
    return isinstance(error, MemoryError) or "allocate memory" in str(error)


def _one_line(text: str) -> str:
    return " ".join(text.split())


@click.group(
    cls=Application,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=EXAMPLES,
)
@click.version_option(package_name="lavarobust")
@click.pass_context
def application(context: click.Context) -> None:
    """Train spiking networks robustly, deploy them as integers, and attack and price exactly those integers.

    Every verb says which backend executed what; 'simulator' and 'lava' agree spike for spike.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (
    train_command,
    export_command,
    check_command,
    run_command,
    attack_command,
    energy_command,
    sanafe_command,
    report_command,
    sweep_command,
    demo_command,
):
    application.add_command(command)
