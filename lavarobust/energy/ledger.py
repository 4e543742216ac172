"""The ledger: exact integer counts of an execution, per layer and sample, before any price."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from lavarobust.energy.baseline import LayerShape, ann_operations
from lavarobust.errors import DataError
from lavarobust.netx.graph import branches
from lavarobust.netx.model import Input, Model, Neuron
from lavarobust.record import LayerCounts, Record


@dataclass(frozen=True)
class Spread:
    """How a per-sample figure spreads over samples: mean, median and 95th percentile (numpy's
    linear interpolation between samples)."""

    mean: float
    median: float
    p95: float


def spread(values: np.ndarray) -> Spread:
    """Mean, median and 95th percentile of at least one per-sample figure ``(N,)``."""
    median, p95 = np.percentile(values, (50, 95))
    return Spread(float(np.mean(values)), float(median), float(p95))


@dataclass(frozen=True, eq=False)
class LayerLedger:
    """Counts of one layer: arrays ``(N,)`` int64, summed over a sample's window.

    Attributes:
        layer: name as ``Model.layer_name`` gives it.
        shape: the layer's sizes, with the multiply-accumulates of one dense pass.
        graded_input: True where an operation of the layer's own feed-forward synapses is a
            multiply-accumulate; one of a shortcut may be either.
        accumulates: executed synaptic operations of spikes (zero inputs, zero weights and borders
            cost none).
        multiply_accumulates: executed synaptic operations of graded inputs. An image sent once is
            multiplied once, one sent in every step T times: the events say it.
        signed_multiply_accumulates: of these, those of the stimulus in steps in which none of its values is
            other than -1, 0 and 1: signed spikes, which count as payloads here.
        graded_additions: executed synaptic operations of graded values that a shortcut only adds.
        synops_dense: executed operations of either kind with zero weights counted too.
        dense_passes: steps in which the layer received anything: what an engine that ignores zeros
            would have had to compute, in dense passes.
        input_events: non-zero inputs that arrived.
        spikes: emitted.
        active_updates: neuron updates in which current, potential or bias is not zero.
        idle_updates: all others, of every neuron in every step of the window.
        bias_additions: every non-zero bias in every step of the window; those of an input population
            are its image, and not counted.
        relays: events that were held back a step, once for each step, so that what a shortcut brings arrives
            in time.
    """

    layer: str
    shape: LayerShape
    graded_input: bool
    accumulates: np.ndarray
    multiply_accumulates: np.ndarray
    signed_multiply_accumulates: np.ndarray
    graded_additions: np.ndarray
    synops_dense: np.ndarray
    dense_passes: np.ndarray
    input_events: np.ndarray
    spikes: np.ndarray
    active_updates: np.ndarray
    idle_updates: np.ndarray
    bias_additions: np.ndarray
    relays: np.ndarray

    @property
    def has_synapses(self) -> bool:
        """False for an input population, whose values arrive as bias."""
        return self.shape.multiply_accumulates > 0

    @property
    def dense_operations(self) -> np.ndarray:
        """``(N,)`` int64: operations if no zero were skipped in the steps that received anything."""
        operations: np.ndarray = self.dense_passes * np.int64(self.shape.multiply_accumulates)
        return operations


_COUNTS = (
    "accumulates",
    "multiply_accumulates",
    "signed_multiply_accumulates",
    "graded_additions",
    "synops_dense",
    "dense_operations",
    "input_events",
    "spikes",
    "active_updates",
    "idle_updates",
    "bias_additions",
    "relays",
)


@dataclass(frozen=True, eq=False)
class Ledger:
    """All counts of one execution.

    Attributes:
        backend: that executed.
        model: name of the model.
        samples: N.
        steps: T, as the record names it.
        layers: every layer with neurons, in order.
        gate_draws: ``(N,)`` int64, draws of stochastic gates, one for every neuron in front of one in every
            step; None where there is no gate.
        soft_resets: ``(N,)`` int64, updates of neurons with soft reset, which are among the neuron updates
            too; None where there are none.
    """

    backend: str
    model: str
    samples: int
    steps: int
    layers: tuple[LayerLedger, ...]
    gate_draws: np.ndarray | None = None
    soft_resets: np.ndarray | None = None

    @property
    def host_events(self) -> np.ndarray | None:
        """``(N,)`` int64: input events that the host sends to the chip; None where the first layer is
        an input population, whose image arrives as biases that no record counts."""
        return self.layers[0].input_events if self.layers[0].has_synapses else None

    def total(self, count: str) -> np.ndarray:
        """``(N,)`` int64: one of the per-layer counts, e.g. ``"spikes"``, over all layers."""
        layers: np.ndarray = np.stack([getattr(layer, count) for layer in self.layers])
        return np.asarray(layers.sum(axis=0, dtype=np.int64))

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON: the spread of every count, per layer and in total."""
        layers = {
            layer.layer: {count: asdict(spread(getattr(layer, count))) for count in _COUNTS}
            for layer in self.layers
        }
        return {
            "backend": self.backend,
            "model": self.model,
            "samples": self.samples,
            "steps": self.steps,
            "layers": layers,
            "total": {count: asdict(spread(self.total(count))) for count in _COUNTS},
            "host_events": None if self.host_events is None else asdict(spread(self.host_events)),
            "gate_draws": None if self.gate_draws is None else asdict(spread(self.gate_draws)),
            "soft_resets": None if self.soft_resets is None else asdict(spread(self.soft_resets)),
        }


def make_ledger(record: Record, model: Model) -> Ledger:
    """The counts of an execution of a model.

    Raises:
        DataError: a record without samples, of another model, or whose counts contradict one
            another, or that mixes payloads and recurrent spikes in one layer.
        ModelFileError: a model whose layers don't fit one another.
    """
    if record.samples == 0:
        raise DataError(f"{record.model}: the record holds no samples. Execute at least one")
    shapes = ann_operations(model)
    expected = [(shape.layer, shape.neurons) for shape in shapes]
    recorded = [(counts.name, counts.neurons) for counts in record.layers]
    if expected != recorded:
        raise DataError(
            f"the record of {record.model} has the layers (name, neurons) {recorded}, {model.name} has "
            f"{expected}. Give the model that was executed"
        )
    windows = {np.shape(counts.spikes)[1:] for counts in record.layers}
    if len(windows) != 1:
        raise DataError(
            f"{record.model}: the record's layers have windows of different lengths {sorted(windows)}"
        )
    return Ledger(
        backend=record.backend,
        model=record.model,
        samples=record.samples,
        steps=record.steps,
        layers=tuple(_layer(record, position, shape, model) for position, shape in enumerate(shapes)),
        gate_draws=_gate_draws(record, model) if model.gated else None,
        soft_resets=_soft_resets(record, model),
    )


def _soft_resets(record: Record, model: Model) -> np.ndarray | None:
    neurons = sum(
        prod(layer.shape)
        for _, layer in model.populations
        if isinstance(layer.neuron, Neuron) and layer.neuron.reset == "soft"
    )
    return np.full(record.samples, neurons * record.steps, dtype=np.int64) if neurons else None


def _gate_draws(record: Record, model: Model) -> np.ndarray:
    draws = sum(
        layer.gate.opening.size * record.steps
        for _, layer in model.populations
        if not isinstance(layer, Input) and layer.gate is not None
    )
    return np.full(record.samples, draws, dtype=np.int64)


def _layer(record: Record, position: int, shape: LayerShape, model: Model) -> LayerLedger:
    counts = record.layers[position]
    _check_counts(record, counts)
    if counts.graded_input and shape.recurrent and counts.recurrent_synops is None and not model.sigma_delta:
        raise DataError(
            f"{record.model}: layer {counts.name} receives payloads (multiply-accumulates) and its own "
            "spikes (accumulates), and this record doesn't count them apart. Execute the model anew"
        )
    synops = counts.synops.sum(axis=1, dtype=np.int64)
    none = np.zeros_like(synops)
    graded, additions, signed = synops if counts.graded_input else none, none, none
    if counts.graded_input and counts.recurrent_synops is not None:
        graded = synops - counts.recurrent_synops.sum(axis=1, dtype=np.int64)
    if counts.graded_synops is not None:
        graded = counts.graded_synops.sum(axis=1, dtype=np.int64)
    if counts.graded_additions is not None:
        additions = counts.graded_additions.sum(axis=1, dtype=np.int64)
    if position == 0 and counts.graded_input and record.ternary_input is not None:
        of_input = (
            counts.synops if counts.recurrent_synops is None else counts.synops - counts.recurrent_synops
        )
        signed = (of_input * record.ternary_input).sum(axis=1, dtype=np.int64)
    window = counts.spikes.shape[1]
    active = counts.active_updates.sum(axis=1, dtype=np.int64)
    return LayerLedger(
        layer=counts.name,
        shape=shape,
        graded_input=counts.graded_input,
        accumulates=synops - graded,
        multiply_accumulates=graded - additions,
        signed_multiply_accumulates=signed,
        graded_additions=additions,
        synops_dense=counts.synops_dense.sum(axis=1, dtype=np.int64),
        dense_passes=np.count_nonzero(counts.input_events, axis=1).astype(np.int64),
        input_events=counts.input_events.sum(axis=1, dtype=np.int64),
        spikes=counts.spikes.sum(axis=1, dtype=np.int64),
        active_updates=active,
        idle_updates=counts.neuron_updates - active,
        bias_additions=np.full_like(synops, counts.biased * window),
        relays=_relays(record, position, model),
    )


def _relays(record: Record, position: int, model: Model) -> np.ndarray:
    """A shortcut around k layers comes k steps early: each of its events is held back k times."""
    _, layer = model.populations[position]
    held = np.zeros(record.samples, dtype=np.int64)
    if not isinstance(layer, Input):
        for branch in branches(model, layer):
            sent = record.layers[branch.source].spikes.sum(axis=1, dtype=np.int64)
            held += (position - 1 - branch.source) * sent
    return held


def _check_counts(record: Record, counts: LayerCounts) -> None:
    names = ["input_events", "synops", "synops_dense", "spikes", "active_updates"]
    parts = ("recurrent_synops", "graded_synops", "graded_additions")
    for name in [*names, *(name for name in parts if getattr(counts, name) is not None)]:
        array = getattr(counts, name)
        where = f"{record.model}: {name} of layer {counts.name}"
        if not isinstance(array, np.ndarray) or array.ndim != 2 or array.dtype.kind not in "iu":
            raise DataError(f"{where} must be an integer array (N, T)")
        if array.shape != (record.samples, counts.spikes.shape[1]):
            raise DataError(
                f"{where} has shape {array.shape} in a record of {record.samples} samples "
                f"and {counts.spikes.shape[1]} steps"
            )
        if array.min(initial=0) < 0:
            raise DataError(f"{where} is negative")
    if counts.graded_synops is not None and (counts.graded_synops > counts.synops).any():
        raise DataError(f"{record.model}: layer {counts.name} counts more operations of payloads than of all")
    if counts.active_updates.max(initial=0) > counts.neurons:
        raise DataError(f"{record.model}: layer {counts.name} counts more active updates than it has neurons")
    if (counts.synops > counts.synops_dense).any():
        raise DataError(
            f"{record.model}: layer {counts.name} counts fewer operations with zero weights than without"
        )
