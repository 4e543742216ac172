"""The line of key figures on top."""

from __future__ import annotations

from lavarobust.experiment.robustness import Share
from lavarobust.reporting.page.document import KeyFigure, Plain
from lavarobust.reporting.page.energy import main_bill
from lavarobust.reporting.page.fit import cores
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.robustness import worst_case
from lavarobust.reporting.page.words import energy, interval, number, share


def key_figures(measured: Measured, robustness: Plain, costs: Plain, fits: Plain) -> tuple[KeyFigure, ...]:
    """Of one model.

    Args:
        robustness, costs, fits: the data of those sections.
    """
    record = measured.clean
    spikes, operations = (
        sum(int(getattr(layer, count).sum()) for layer in record.layers) / record.samples
        for count in ("spikes", "synops")
    )
    on = f"mean of {record.samples:,} images"
    return (
        _clean(robustness["clean"]),
        _worst(robustness),
        KeyFigure("Spikes per image", number(spikes), on),
        KeyFigure("Synaptic operations per image", number(operations), on),
        _energy(costs),
        KeyFigure(
            "Cores", cores(fits), f"by one placement, {', '.join(chip['profile'] for chip in fits['chips'])}"
        ),
    )


def _clean(counted: Plain | None) -> KeyFigure:
    if counted is None:
        return KeyFigure("Clean accuracy", "unknown", "no labelled images", True)
    found = Share(counted["count"], counted["of"])
    return KeyFigure("Clean accuracy", share(found), f"{interval(found)}, {found.of:,} images")


def _worst(robustness: Plain) -> KeyFigure:
    found = worst_case(robustness)
    if found is None:
        return KeyFigure("Worst-case accuracy", "not attacked", "see below", True)
    counted, epsilon, attack, unreliable = found
    basis = f"at epsilon {epsilon:g}, {attack}; {interval(counted)}, {counted.of:,} images"
    if unreliable:
        basis += "; may be too high"
    return KeyFigure("Worst-case accuracy", share(counted), basis, unreliable)


def _energy(costs: Plain) -> KeyFigure:
    bill = main_bill(costs)
    if bill is None:
        return KeyFigure("Energy per image", "refused", "no table prices what it executes", True)
    basis = f"{bill['profile']}, without memory; weakest evidence {bill['weakest_evidence']}; not measured"
    return KeyFigure("Energy per image", energy(bill["total_pj"]["mean"]), basis)
