"""What a diagnosis looks like, of whatever attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lavarobust.cli.output import count

if TYPE_CHECKING:
    from lavarobust.attacks.checks import Diagnosis


def show_diagnosis(diagnosis: Diagnosis) -> None:
    """Every question with its answer, and whether to believe the figures."""
    click.echo(f"diagnosis on {count(diagnosis.samples, 'image')}:")
    for check in diagnosis.checks:
        click.echo(f"  {'!' if check.fired else ' '} {check.name}: {check.said}")
    verdict = (
        "UNRELIABLE: robust accuracy is lower than said above, or nobody knows it"
        if diagnosis.unreliable
        else "no sign that the attacks failed"
    )
    click.echo(verdict)
