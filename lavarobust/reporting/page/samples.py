"""Clean beside adversarial images, with what the network answers and how it spikes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lavarobust.record import Record
from lavarobust.reporting.page.activity import layer_rasters
from lavarobust.reporting.page.document import Block, Figure, Plain, Section, Text
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.sample_figure import sample_figure
from lavarobust.reporting.tables import Table


def samples_data(measured: Measured) -> Plain:
    """Per sample shown: its place, label, answers, spikes and the largest change of a pixel."""
    attacked, adversarial = measured.shown_attacked, measured.shown_adversarial
    rows = []
    for place, index in enumerate(measured.shown.tolist()):
        row = {
            "image": index,
            "label": int(measured.subject.images.labels[index]),
            "answer": int(measured.shown_clean.prediction[place]),
            "spikes": _spikes(measured.shown_clean, place),
            "operations": _operations(measured.shown_clean, place),
        }
        if attacked is not None and adversarial is not None:
            row |= {
                "attacked_answer": int(attacked.prediction[place]),
                "attacked_spikes": _spikes(attacked, place),
                "attacked_operations": _operations(attacked, place),
                "largest_change": float(np.abs(adversarial[place] - measured.shown_images[place]).max()),
            }
        rows.append(row)
    return {"name": measured.subject.name, "epsilon": measured.epsilon, "samples": rows}


def _spikes(record: Record, place: int) -> int:
    return sum(int(layer.spikes[place].sum()) for layer in record.layers)


def _operations(record: Record, place: int) -> int:
    return sum(int(layer.synops[place].sum()) for layer in record.layers)


def samples_section(models: Sequence[Measured]) -> Section:
    """A figure per sample and a table of all."""
    data = [samples_data(each) for each in models]
    blocks: list[Block] = []
    for place, (each, measured) in enumerate(zip(data, models, strict=True)):
        if measured.attacked is None:
            blocks.append(Text(f"{each['name']}: no attacked images ({measured.not_attacked}).", "note"))
            continue
        attack = measured.attacked.outcomes[0].settings.name
        about = (
            f"{attack} at epsilon {each['epsilon']:g}, white-box on the executed integers; executed on "
            f"{measured.shown_clean.backend}"
        )
        blocks.append(_table(each, about))
        blocks += [
            _figure(f"sample-{place}-{number}", measured, each, number, about)
            for number in range(len(each["samples"]))
        ]
    return Section("samples", "Clean and attacked images", tuple(blocks), data)


def _table(each: Plain, about: str) -> Table:
    rows = [
        (
            str(row["image"]),
            str(row["label"]),
            str(row["answer"]),
            str(row["attacked_answer"]),
            f"{row['spikes']:,}",
            f"{row['attacked_spikes']:,}",
            f"{row['operations']:,}",
            f"{row['attacked_operations']:,}",
            f"{row['largest_change']:.3f}",
        )
        for row in each["samples"]
    ]
    columns = (
        "image",
        "label",
        "answer",
        "attacked answer",
        "spikes",
        "attacked spikes",
        "operations",
        "attacked operations",
        "largest change",
    )
    return Table(f"Samples of {each['name']}", columns, tuple(rows), (f"{about}.",), left=0)


def _figure(name: str, measured: Measured, each: Plain, number: int, about: str) -> Figure:
    row, adversarial, attacked = each["samples"][number], measured.shown_adversarial, measured.shown_attacked
    assert adversarial is not None and attacked is not None
    rasters = [
        np.concatenate([raster for _, raster in layer_rasters(measured, record, number)])
        for record in (measured.shown_clean, attacked)
    ]
    fell = "falls" if row["attacked_answer"] != row["label"] else "withstands"
    caption = (
        f"{each['name']}, image {row['image']} of {measured.subject.source}, label {row['label']}: answer "
        f"{row['answer']} with {row['spikes']:,} spikes, under attack {row['attacked_answer']} with "
        f"{row['attacked_spikes']:,}. {about}."
    )
    alt = (
        f"A clean image, its change by at most {row['largest_change']:.3f} and the attacked image, above the "
        f"spikes of each; the answer {fell}."
    )
    svg = sample_figure(
        name,
        picture(measured.shown_images[number]),
        picture(adversarial[number]),
        each["epsilon"],
        (rasters[0], rasters[1]),
        (f"answer {row['answer']}", f"answer {row['attacked_answer']}"),
    )
    return Figure(svg, caption, alt)


def picture(image: np.ndarray) -> np.ndarray:
    """``(H, W)`` or ``(H, W, 3)`` of an image ``(C, H, W)``, or of frames ``(C, H, W, T)`` summed over time.

    Channels that are no colours are averaged.
    """
    still = image if image.ndim == 3 else image.mean(axis=3)
    return still.transpose(1, 2, 0) if still.shape[0] == 3 else still.mean(axis=0)
