"""Where a spiking network stands: beside ANNs of its shape, arithmetic alone and with memory, at 45 nm.

The ANNs are one in 32-bit floating point, one in 8-bit integers, both dense, and the quantised one that says
as much as a window of T steps does (Yan, Bai, Tang & Wong, arXiv 2409.08290), which skips the zeros that it
was measured to have. All have the file's layers, so that a folded average pool counts at its expanded size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lavarobust.energy.ledger import Ledger
from lavarobust.energy.memory import MemoryBill, memory_bill, spiking_memory_bill
from lavarobust.energy.profile_files import load_profile
from lavarobust.energy.traffic import FP32, INT8, Words, dense_traffic, quantised_traffic
from lavarobust.netx.model import Model
from lavarobust.record import QuantisedRun

FLOATS, INTEGERS = "horowitz_45nm_fp32", "horowitz_45nm_int8_int32"
"""Price tables: of the floating point ANN, and of all others, which have 8-bit weights and 32-bit sums."""


@dataclass(frozen=True)
class Peer:
    """One network of a comparison; operations and pJ per sample, means over samples.

    Attributes:
        name: e.g. ``INT8 ANN``.
        accumulates, multiply_accumulates: executed synaptic operations.
        operations_pj: of these alone.
        bill: with memory and addresses.
        accuracy: on the same images; None where it was not executed on them.
        note: what to know of these figures.
    """

    name: str
    accumulates: float
    multiply_accumulates: float
    operations_pj: float
    bill: MemoryBill
    accuracy: float | None
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self) | {"bill": self.bill.as_dict()}


@dataclass(frozen=True)
class Accuracies:
    """Shares of the images that two networks answer rightly; None where there are no labels."""

    spiking: float | None = None
    quantised: float | None = None


def stand_beside(
    ledger: Ledger,
    model: Model,
    quantised: QuantisedRun | None,
    accuracies: Accuracies = Accuracies(),
) -> tuple[Peer, ...]:
    """A spiking network and ANNs of its shape.

    Args:
        ledger: of an execution of ``model``.
        quantised: the quantised ANN on the same samples; None where the model has none.
        accuracies: of both.

    Raises:
        SettingsError, ModelFileError: see :func:`lavarobust.energy.memory.memory_bill` and
            :func:`lavarobust.energy.baseline.ann_operations`.
    """
    shapes = {layer.layer: layer.shape.multiply_accumulates for layer in ledger.layers}
    peers = [_spiking(ledger, model, accuracies.spiking)]
    for name, table, words in (("FP32 ANN", FLOATS, FP32), ("INT8 ANN", INTEGERS, INT8)):
        done = np.array([sum(shapes.values())])
        peers.append(_ann(name, table, dense_traffic(model, shapes, words), done, None, DENSE))
    if quantised is not None:
        done = np.sum([layer.operations for layer in quantised.layers], axis=0)
        words = Words(quantised.bits, INT8.weight, INT8.state)
        name = f"{quantised.bits}-bit QNN"
        traffic = quantised_traffic(model, quantised, words)
        peers.append(_ann(name, INTEGERS, traffic, done, accuracies.quantised, QUANTISED))
    return tuple(peers)


DENSE = "one dense pass, zeros and padding included; not executed"
QUANTISED = (
    "executed on the same images with the model's own weights, activations of zero skipped; never trained as "
    "such, and priced as 8-bit products, for want of a published price of narrower ones"
)


def _spiking(ledger: Ledger, model: Model, accuracy: float | None) -> Peer:
    table = load_profile(INTEGERS)
    accumulates = ledger.total("accumulates") + ledger.total("graded_additions")
    products = ledger.total("multiply_accumulates")
    spent = (
        accumulates * table.prices["accumulate"].value + products * table.prices["multiply_accumulate"].value
    )
    return Peer(
        "spiking network",
        float(np.mean(accumulates)),
        float(np.mean(products)),
        float(np.mean(spent)),
        spiking_memory_bill(ledger, model, table),
        accuracy,
        f"as executed on {ledger.backend} in {ledger.steps} steps",
    )


def _ann(
    name: str, table: str, traffic: Any, operations: np.ndarray, accuracy: float | None, note: str
) -> Peer:
    profile = load_profile(table)
    count = float(np.mean(operations))
    bill = memory_bill(name, traffic, (np.zeros_like(operations), operations), profile)
    spent = count * profile.prices["multiply_accumulate"].value
    return Peer(name, 0.0, count, spent, bill, accuracy, note)
