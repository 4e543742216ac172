"""The command group, and how errors and interruptions end it."""

from __future__ import annotations

import sys

import click

from lavarobust.cli.build import check_command, export_command, train_command
from lavarobust.cli.execute import attack_command, energy_command, run_command
from lavarobust.cli.results import demo_command, report_command
from lavarobust.errors import LavarobustError

EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="""\b
Examples:
  lavarobust demo
  lavarobust train digits-plain --out runs/plain
  lavarobust export runs/plain
  lavarobust check runs/plain/model.net --target loihi2
  lavarobust run runs/plain/model.net --backend lava --limit 50
  lavarobust attack runs/plain/model.net --epsilon 0.1
  lavarobust energy runs/plain/model.net --profile horowitz_45nm_int32
  lavarobust report runs/plain runs/adversarial""",
)
@click.version_option(package_name="lavarobust")
def application() -> None:
    """Train spiking networks robustly, deploy them as integers, and attack and price exactly those integers.

    Every verb says which backend executed what; 'simulator' and 'lava' agree spike for spike.
    """


for command in (
    train_command,
    export_command,
    check_command,
    run_command,
    attack_command,
    energy_command,
    report_command,
    demo_command,
):
    application.add_command(command)


def run_application() -> None:
    """Run the command line; one line on standard error, and exit code 2, for every error of ours."""
    try:
        application.main(standalone_mode=False)
    except click.exceptions.Abort:
        _stopped()
    except KeyboardInterrupt:
        _stopped()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LavarobustError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(EXIT_ERROR)


def _stopped() -> None:
    click.echo("stopped", err=True)
    sys.exit(EXIT_INTERRUPTED)
