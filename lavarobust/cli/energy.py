"""The verb ``energy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lavarobust.cli.options import (
    backend_options,
    image_options,
    json_option,
    plan_options,
    profile_option,
    split_choices,
)
from lavarobust.cli.output import count, show_assumptions, show_table, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lavarobust.energy import Bill
    from lavarobust.energy.comparison import RuleCount
    from lavarobust.experiment.bill import EnergyReport


@click.command("energy", short_help="Price what a file executes: counts times a price table.")
@click.argument("file")
@profile_option
@click.option("--rule", "rules", multiple=True, metavar="NAME",
              help="executed, hire-eq7, hire-eq8, hire-eq8-executed, neurobench, spikingjelly, syops or all; "
              "may be given several times [default: which of the first three apply].")  # fmt: skip
@click.option("--synthetic", type=float, metavar="RATE",
              help="In place of images: random spikes, so many per input and step. --limit says how many "
              "windows of them [default: 32].")  # fmt: skip
@backend_options
@image_options
@plan_options
@json_option
def energy_command(
    file: str,
    profiles: tuple[str, ...],
    rules: tuple[str, ...],
    synthetic: float | None,
    backend: str,
    workers: int,
    json_path: str | None,
    **choices: Any,
) -> None:
    """Price what FILE executes: exact counts times a price table, in pJ per image.

    \b
    Examples:
      lavarobust energy model.net
      lavarobust energy model.net --profile horowitz_45nm_int32 --rule executed
      lavarobust energy model.net --profile mine.toml
      lavarobust energy stock.net --synthetic 0.1 --steps 16
    """
    from lavarobust.experiment.bill import PROFILES, bill

    report = bill(
        file,
        *split_choices(choices),
        profiles=profiles or PROFILES,
        rules=rules or None,
        backend=backend,
        workers=workers,
        synthetic=synthetic,
    )
    record = report.record
    show_assumptions(report.assumptions)
    click.echo(
        f"{count(record.samples, 'image')} of {report.source}, {count(record.steps, 'step')} each, "
        f"executed and counted on {record.backend}; priced, not measured"
    )
    _show_ledger(report)
    for each in report.bills:
        _show(each)
    _show_counts(report.counts)
    _show_peers(report)
    write_json(json_path, report.as_dict())


_LEDGER = {
    "spikes": "spikes", "accumulates": "AC", "multiply_accumulates": "MAC", "graded_additions": "graded +",
    "active_updates": "active", "idle_updates": "idle", "bias_additions": "biases", "relays": "relays",
}  # fmt: skip
"""Counts by their headings; a column of zeros is not shown."""


def _show_ledger(report: EnergyReport) -> None:
    import numpy as np

    shown = {name: title for name, title in _LEDGER.items() if report.ledger.total(name).any()}
    memory = report.memory.as_dict()

    def words(layer: str, way: str) -> float:
        return sum(held["mean"] for kind, held in memory[layer].items() if kind.startswith(way))

    rows = [
        (
            layer.layer,
            *(f"{np.mean(getattr(layer, name)):,.1f}" for name in shown),
            *(f"{words(layer.layer, way):,.1f}" for way in ("read", "write")),
        )
        for layer in report.ledger.layers
    ]
    click.echo("\ncounts per image: synaptic operations, neuron updates, words of memory")
    show_table(("layer", *shown.values(), "read", "written"), rows, left=1)


def _show(bill: Bill) -> None:
    click.echo(f"\n{bill.profile}, rule {bill.rule} (weakest evidence of a price: {bill.weakest_evidence})")
    rows: list[tuple[str, ...]] = [
        (line.layer, line.term, f"{line.operations:,.1f}", f"{line.price_pj:,.2f}", f"{line.energy_pj:,.1f}")
        for line in bill.lines
    ]
    rows.append(("all layers", "total", "", "", f"{bill.total_pj.mean:,.1f}"))
    ann = bill.ann
    price, energy = (
        "no price" if value is None else f"{value:,.{digits}f}"
        for value, digits in ((ann.price_pj, 2), (ann.energy_pj, 1))
    )
    rows.append(("same ANN", "multiply_accumulate", f"{ann.multiply_accumulates:,}", price, energy))
    show_table(("layer", "operation", "per image", "pJ each", "pJ per image"), rows, left=2)
    spread = bill.total_pj
    click.echo(f"  total over the images: median {spread.median:,.1f} pJ, 95 % below {spread.p95:,.1f} pJ")
    unpriced = ", ".join(
        item.term if item.operations is None else f"{item.operations:,.1f} {item.term}"
        for item in bill.unpriced
    )
    if unpriced:
        click.echo(f"  not in the total, per image: {unpriced}")


def _show_counts(counts: Sequence[RuleCount]) -> None:
    click.echo("\nsynaptic operations as each rule counts them, before any price")
    rows = [
        (count.rule, _figure(count.accumulates), _figure(count.multiply_accumulates))
        for count in counts
        if count.layer == "all"
    ]
    show_table(("rule", "accumulates per image", "multiply-accumulates per image"), rows, left=1)
    refused = [count.rule for count in counts if count.refusal]
    if refused:
        click.echo(f"  - does not hold for this model: --rule {refused[0]} says why")


def _show_peers(report: EnergyReport) -> None:
    click.echo("\nbeside ANNs of its layers, at 45 nm, in nJ per image (with memory: Lemaire et al. 2022)")
    rows = [
        (
            peer.name,
            f"{peer.accumulates:,.0f}",
            f"{peer.multiply_accumulates:,.0f}",
            f"{peer.operations_pj / 1e3:,.2f}",
            f"{peer.bill.total_pj.mean / 1e3:,.2f}",
            "-" if peer.accuracy is None else f"{100 * peer.accuracy:.1f} %",
        )
        for peer in report.peers
    ]
    show_table(("network", "AC", "MAC", "operations", "with memory", "accuracy"), rows, left=1)
    for note in dict.fromkeys(peer.note for peer in report.peers):
        click.echo(f"  {', '.join(peer.name for peer in report.peers if peer.note == note)}: {note}")
    if report.left_out:
        click.echo(f"  no quantised ANN: {report.left_out}")
    for band in report.bands:
        click.echo(
            f"{band.name}: {band.value.mean:.3g} (95 % of images below {band.value.p95:.3g}), {band.place} "
            f"{band.low:g} to {band.high:g}\n  {band.source}"
        )


def _figure(operations: float | None) -> str:
    return "-" if operations is None else f"{operations:,.1f}"
