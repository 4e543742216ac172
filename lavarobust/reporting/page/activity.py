"""What the network does: counts per layer, rates over the window, the spikes of one sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lavarobust.energy import make_ledger
from lavarobust.record import Record
from lavarobust.reporting.page.activity_figure import raster_figure, rate_figure
from lavarobust.reporting.page.document import Block, Figure, Plain, Section, Text, printable
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.words import number
from lavarobust.reporting.tables import Table

_COLUMNS = {
    "input_events": "input events",
    "spikes": "spikes",
    "accumulates": "AC",
    "multiply_accumulates": "MAC",
    "graded_additions": "graded additions",
    "relays": "relays",
    "active_updates": "active updates",
    "idle_updates": "idle updates",
    "bias_additions": "bias additions",
}


def activity_data(measured: Measured) -> Plain:
    """Counts per image and layer, exact and then averaged; spikes per neuron and step."""
    ledger = make_ledger(measured.clean, measured.subject.model).as_dict()
    layers = []
    for counts in measured.clean.layers:
        per_step = counts.spikes.mean(axis=0) / counts.neurons
        layers.append(
            {
                "layer": printable(counts.name),
                "neurons": counts.neurons,
                "counts": ledger["layers"][counts.name],
                "rate": float(per_step.mean()),
                "rate_per_step": [float(rate) for rate in per_step],
            }
        )
    return {
        "name": measured.subject.name,
        "images": measured.subject.source,
        "samples": measured.clean.samples,
        "steps": measured.clean.steps,
        "backend": measured.clean.backend,
        "total": ledger["total"],
        "layers": layers,
    }


def activity_section(models: Sequence[Measured]) -> Section:
    """Per model its rates, its counts, and the rasters of one sample."""
    data = [activity_data(each) for each in models]
    blocks: list[Block] = []
    for place, (each, measured) in enumerate(zip(data, models, strict=True)):
        silent = [layer["layer"] for layer in each["layers"] if layer["rate"] == 0]
        on = f"{each['samples']:,} images of {each['images']}, executed on {each['backend']}"
        active = [layer for layer in each["layers"] if layer["rate"] > 0]
        if active:
            alt = "; ".join(f"{layer['layer']} {layer['rate']:.3f} on average" for layer in active)
            blocks.append(
                Figure(
                    rate_figure(f"rates-{place}", active),
                    f"{each['name']}: spikes per neuron at each step, by layer; mean of {on}.",
                    f"Spikes per neuron and step: {alt}.",
                )
            )
            blocks.append(_raster(f"raster-{place}", measured))
        blocks.append(_counts(each, on))
        if silent:
            blocks.append(Text(f"{each['name']}: no neuron of {', '.join(silent)} sends a spike.", "note"))
    return Section("activity", "Activity and spikes", tuple(blocks), data)


def _counts(each: Plain, on: str) -> Table:
    columns = {key: title for key, title in _COLUMNS.items() if each["total"][key]["p95"] > 0}
    rows = [
        (
            layer["layer"],
            f"{layer['neurons']:,}",
            *(number(layer["counts"][key]["mean"]) for key in columns),
            f"{layer['rate']:.4f}",
        )
        for layer in each["layers"]
    ]
    for title, which in (("all layers", "mean"), ("median", "median"), ("95th percentile", "p95")):
        rows.append((title, "", *(number(each["total"][key][which]) for key in columns), ""))
    return Table(
        f"Counts per image, {each['name']}",
        ("layer", "neurons", *columns.values(), "spikes per neuron and step"),
        tuple(rows),
        (
            f"Means over {on}; median and 95th percentile of all layers together, image by image. Every "
            "event counts with its true fan-out; zero weights and zero pixels are free. AC: synaptic "
            "operation of a spike; MAC: of a graded value.",
        ),
        left=1,
    )


def _raster(name: str, measured: Measured) -> Figure:
    record, place = measured.shown_clean, 0
    label = measured.subject.images.labels[measured.shown[place]] if measured.subject.labelled else "unknown"
    said = record.prediction[place]
    rasters = layer_rasters(measured, record, place)
    total = sum(int(raster.sum()) for _, raster in rasters)
    grouped = max(raster.shape[0] for _, raster in rasters)
    return Figure(
        raster_figure(name, rasters),
        f"{measured.subject.name}: spikes of image {measured.shown[place]} of {measured.subject.source} "
        f"(label {label}, answer {said}), {total:,} in all, executed on {record.backend}. One column is a "
        "step, one row a neuron; of layers with more neurons than rows, a row is several, and darker the "
        "more of them spike.",
        f"Raster of {len(rasters)} layers of up to {grouped} neurons over {record.steps} steps, "
        f"{total} spikes.",
    )


def layer_rasters(measured: Measured, record: Record, place: int) -> list[tuple[str, np.ndarray]]:
    """Name and ``(neurons, T)`` bool of each layer that spikes in any image shown; all where none does."""
    model = measured.subject.model
    names = {index: printable(model.layer_name(index)) for index in record.rasters}
    kept = [index for index in record.rasters if measured.shown_clean.rasters[index].any()]
    return [
        (names[index], record.rasters[index][place].reshape(-1, record.rasters[index].shape[-1]) != 0)
        for index in kept or record.rasters
    ]
