"""``attack --suite``: suites of attacks with their diagnosis, and papers' own attacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from lavarobust.cli.diagnosis import show_diagnosis
from lavarobust.cli.options import split_choices
from lavarobust.cli.output import (
    Progress,
    count,
    save_arrays,
    show_assumptions,
    show_report_table,
    show_table,
    write_json,
)
from lavarobust.errors import StoppedError

if TYPE_CHECKING:
    from lavarobust.experiment.benchmark import BenchmarkReport
    from lavarobust.experiment.preset import PresetReport
    from lavarobust.experiment.robustness import Robustness


def run_suite(file: str, options: dict[str, Any]) -> None:
    """Attack with a suite, and print and write what it left."""
    from lavarobust.attacks.rule_names import named_rule
    from lavarobust.experiment.attack_cost import check_priced
    from lavarobust.experiment.benchmark import benchmark
    from lavarobust.experiment.bill import PROFILES, price_tables
    from lavarobust.experiment.suite_effects import costs_of, gaps_of, run_of
    from lavarobust.reporting.attack_tables import cost_table, gap_table

    rule = named_rule(options["surrogate"], options["width"])
    # what can't be is refused before anything takes time
    if options["profiles"] and not options["cost"]:
        raise click.UsageError("--profile needs --cost.")
    for name in ("steps", "encoding", "levels", "mean", "std", "readout"):
        if options["gap"] and options[name] is not None:
            raise click.UsageError(f"--{name} is not for --gap: the float network is run as trained.")
    tables = price_tables(options["profiles"] or PROFILES)
    if options["cost"]:
        check_priced(options["norm"], rule)
    run = run_of(file) if options["gap"] else None
    same = (
        "suite",
        "epsilons",
        "norm",
        "other",
        "expectation",
        "votes",
        "backend",
        "audited",
        "workers",
        "seed",
    )
    with Progress() as progress, _stopped_with_a_hint(options["out"]):
        report = benchmark(
            file,
            *split_choices(options),
            rule=rule,
            folder=options["out"],
            progress=progress,
            **{name: options[name] for name in same},
        )
    show_benchmark(report)
    save_arrays(options["save"], {"images": report.results[-1].images, "labels": report.labels})
    plain = report.as_dict()
    if run is not None:
        with Progress() as progress:
            plain["gaps"] = [each.as_dict() for each in gaps_of(report, run, progress)]
        for each in plain["gaps"]:
            show_report_table(gap_table([each]))
    if options["cost"]:
        with Progress() as progress:
            plain["costs"] = [each.as_dict() for each in costs_of(report, tables, progress)]
        for each in plain["costs"]:
            show_report_table(cost_table([each]))
    write_json(options["json_path"], plain)


def run_preset(file: str, options: dict[str, Any]) -> None:
    """Attack as a paper does, and print and write what is left under each of its attacks."""
    from lavarobust.experiment.preset import report_preset

    same = {name: options[name] for name in ("votes", "workers", "seed")}
    with Progress() as progress:
        report = report_preset(
            file, *split_choices(options), preset=options["suite"], progress=progress, **same
        )
    show_preset(report)
    write_json(options["json_path"], report.as_dict())


@contextmanager
def _stopped_with_a_hint(folder: str | None) -> Iterator[None]:
    """Ctrl-C raises StoppedError, which says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        hint = "The same command goes on" if folder else "With --out FOLDER it would go on from what it found"
        raise StoppedError(f"stopped. {hint}") from None


def show_benchmark(report: BenchmarkReport) -> None:
    """Per threat model: each attack, what is left, and whether to believe it."""
    show_assumptions(report.assumptions)
    images = count(report.results[0].clean.of, "image")
    click.echo(f"{images} of {report.source}, suite {report.suite.name}, executed on {report.backend}")
    if report.votes is not None:
        click.echo(
            f"the model draws: gradients over {report.expectation} draws, verdicts by "
            f"{report.votes} others that no attack has seen"
        )
    for result in report.results:
        _show(result, report.backend)


def show_preset(report: PresetReport) -> None:
    """A paper's attacks, a line each."""
    from lavarobust.experiment.attack import NOT_DIAGNOSED

    show_assumptions(report.assumptions)
    click.echo(
        f"{count(report.clean.of, 'image')} of {report.source}, the attacks of {report.preset}, each on all"
    )
    rows = [("clean", "", f"{report.clean.value:.1%}", "")]
    rows += [
        (row.attack, row.budget, f"{row.right.value:.1%}", f"{row.success.value:.1%}") for row in report.rows
    ]
    show_table(("attack", "budget", "accuracy", "success"), rows, left=2)
    for reason in report.left_out:
        click.echo(f"left out: {reason}")
    for row in report.rows:
        if row.diagnosis is not None:
            click.echo(f"{row.attack}, {row.budget}:")
            show_diagnosis(row.diagnosis)
    click.echo(f"as the paper attacks; {NOT_DIAGNOSED}")


def _show(result: Robustness, backend: str) -> None:
    click.echo(f"\n{result.threat}")
    rows = [
        (
            member.name,
            member.knows,
            f"{member.counts.attempted:,}",
            f"{member.counts.fooled:,}",
            _zero_share(member.counts.zero_gradients, member.counts.gradients),
            f"{member.counts.queries.forward:,}",
            f"{member.counts.seconds:.1f}",
        )
        for member in result.members
    ]
    show_table(("attack", "knows", "tried on", "fooled", "zero gradients", "executions", "s"), rows, left=2)
    click.echo(f"clean accuracy   {result.clean}")
    click.echo(f"robust accuracy  {result.robust}, ties as wrong {result.strict.value:.1%}")
    click.echo(f"attack success   {result.success}")
    (before, after), (spikes, spiking) = result.operations, result.spikes
    click.echo(
        f"synaptic operations per image {before:,.0f} clean, {after:,.0f} attacked; "
        f"spikes {spikes:,.0f}, {spiking:,.0f}"
    )
    click.echo("in brackets: 95 % confidence intervals (Wilson)")
    if result.differences:
        click.echo(
            f"warning: {count(result.differences, 'prediction')} of {backend} differ from the simulator's, "
            "on which the attacks were made"
        )
    if result.audit is not None:
        click.echo(
            f"{count(result.audit.images, 'attacked image')} executed on {result.audit.backend} too: "
            f"{count(result.audit.differences, 'difference')} in class, score or any count"
        )
    show_diagnosis(result.diagnosis)


def _zero_share(zero: int, gradients: int) -> str:
    return f"{zero / gradients:.1%}" if gradients else "-"
