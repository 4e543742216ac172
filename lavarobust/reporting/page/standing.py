"""Beside ANNs of its shape, with memory, and on published bands of activity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lavarobust.energy import make_ledger
from lavarobust.energy.bands import bands
from lavarobust.energy.memory import MODEL
from lavarobust.experiment.peers import encoded, peers_of
from lavarobust.reporting.page.band_figure import Place, band_figure
from lavarobust.reporting.page.document import Block, Figure, Plain, Section, Text
from lavarobust.reporting.page.energy_figure import energy_figure
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.words import energy, number
from lavarobust.reporting.tables import Table

_PLACES = {
    "below": "below the band, where a spiking network is said to win",
    "inside": "inside the band, where it depends",
    "above": "above the band, where a spiking network is said to lose",
}


def standing_data(measured: Measured) -> Plain:
    """One model's peers, all on the same images, and its place on each band."""
    subject, images = measured.subject, measured.subject.images
    stimuli = encoded(subject.plan, images.images, images.indices)
    peers, left_out = peers_of(
        measured.clean, subject.model, stimuli, images.labels if subject.labelled else None
    )
    ledger = make_ledger(measured.clean, subject.model)
    return {
        "name": subject.name,
        "images": subject.source,
        "samples": measured.clean.samples,
        "backend": measured.clean.backend,
        "peers": [peer.as_dict() for peer in peers],
        "left_out": left_out,
        "bands": [band.as_dict() for band in bands(ledger, subject.model)],
    }


def standing_section(models: Sequence[Measured]) -> Section:
    """Bars of energy with memory per model, a table of all networks, and a scale for each band."""
    data = [standing_data(each) for each in models]
    blocks: list[Block] = [_memory_figure(f"memory-{place}", each) for place, each in enumerate(data)]
    blocks.append(_table(data))
    blocks += [
        Text(f"{each['name']} has no quantised ANN beside it: {each['left_out']}", "note")
        for each in data
        if each["left_out"]
    ]
    names = dict.fromkeys(band["name"] for each in data for band in each["bands"])
    blocks += [_band(f"band-{place}", name, data) for place, name in enumerate(names)]
    return Section("standing", "Beside ANNs of the same shape", tuple(blocks), data)


def _memory_figure(name: str, each: Plain) -> Figure:
    lines = [
        {"layer": peer["name"], "term": term, "energy_pj": spent}
        for peer in each["peers"]
        for term, spent in _parts(peer["bill"]).items()
    ]
    totals = ", ".join(f"{peer['name']} {energy(_total(peer))}" for peer in each["peers"])
    return Figure(
        energy_figure(name, lines),
        f"{each['name']} beside ANNs of its layers, energy per image with memory ({MODEL}), 45 nm: {totals}"
        f". Mean of {each['samples']:,} images of {each['images']}, counted on {each['backend']}; dense ANNs "
        "are counted from their shape.",
        f"Energy per image with memory: {totals}.",
    )


def _parts(bill: dict[str, Any]) -> dict[str, float]:
    """The memory model's terms: operations on data, addresses, accesses by kind."""
    return {"operations": bill["operations_pj"], "addressing": bill["addressing_pj"], **bill["accesses_pj"]}


def _total(peer: Plain) -> float:
    return float(peer["bill"]["total_pj"]["mean"])


def _table(data: Sequence[Plain]) -> Table:
    rows = [
        (
            each["name"],
            peer["name"],
            number(peer["accumulates"]),
            number(peer["multiply_accumulates"]),
            energy(peer["operations_pj"]),
            energy(_total(peer)),
            f"{_total(peer) / _total(each['peers'][0]):.2f}",
            "-" if peer["accuracy"] is None else f"{100 * peer['accuracy']:.1f} %",
        )
        for each in data
        for peer in each["peers"]
    ]
    columns = (
        "model",
        "network",
        "AC",
        "MAC",
        "operations",
        "with memory",
        "times the spiking one",
        "accuracy",
    )
    notes = dict.fromkeys(f"{peer['name']}: {peer['note']}." for each in data for peer in each["peers"])
    beyond = dict.fromkeys(
        f"{each['name']}, {peer['name']}: the memory of {', '.join(peer['bill']['beyond'])} is larger "
        "than any that has a price; its part is a lower bound."
        for each in data
        for peer in each["peers"]
        if peer["bill"]["beyond"]
    )
    return Table("The same layers as ANNs, per image", columns, tuple(rows), (*notes, *beyond))


def _band(name: str, title: str, data: Sequence[Plain]) -> Figure:
    found = [(each["name"], band) for each in data for band in each["bands"] if band["name"] == title]
    band = found[0][1]
    places = [Place(model, one["value"]["mean"], one["value"]["p95"]) for model, one in found]
    said = "; ".join(
        f"{model} {one['value']['mean']:.3g} (95 % of images below {one['value']['p95']:.3g}), "
        f"{_PLACES[one['place']]}"
        for model, one in found
    )
    return Figure(
        band_figure(name, title, band["low"], band["high"], places),
        f"{title[0].upper()}{title[1:]}: {said}. {band['source']}.",
        f"A scale with the band from {band['low']:g} to {band['high']:g}: {said}.",
    )
