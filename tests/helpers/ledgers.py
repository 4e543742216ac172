"""Ledgers in part, and what rules make of them, in short."""

from __future__ import annotations

from dataclasses import replace

from lavarobust.energy import Ledger
from lavarobust.netx.model import Model
from lavarobust.record import Record

Run = tuple[Record, Model]


def operations(rows) -> list[tuple[str, str, list[float]]]:
    return [(row.layer, row.term, row.count.tolist()) for row in rows]


def with_layer(ledger: Ledger, index: int, **changes: object) -> Ledger:
    layers = list(ledger.layers)
    layers[index] = replace(layers[index], **changes)  # type: ignore[arg-type]
    return replace(ledger, layers=tuple(layers))
