"""What an execution returns: outputs, and the exact integer counts behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, fields, replace

import numpy as np

from lavarobust.draws import Keys


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Integer input of N samples, as a backend sends it.

    Attributes:
        frames: ``(N, C, H, W, F)`` or ``(N, n, F)`` int32; frame f is sent at step f of the
            sample's window, and nothing from step F on (F <= steps). Where the first layer is an
            input population, the one frame is its bias mantissas, held for the whole window.
        steps: T, the length of a sample's window.
        graded: whether a value is a payload (an analog pixel) even where all happen to be 0 or 1; None
            asks the values.
        keys: whose draws a model's stochastic gates take; None for the samples' positions from 0 on.

    Raises:
        ValueError: keys of another number of samples.
    """

    frames: np.ndarray
    steps: int
    graded: bool | None = None
    keys: Keys | None = None

    def __post_init__(self) -> None:
        if self.keys is not None and len(self.keys.indices) != len(self.frames):
            raise ValueError(f"keys of {len(self.keys.indices)} samples for {len(self.frames)}")

    @property
    def gate_keys(self) -> Keys:
        """Whose draws gates take."""
        return self.keys or Keys(np.arange(self.samples))

    def taken(self, which: slice | np.ndarray) -> Stimulus:
        """Some of the samples, which keep their draws."""
        return replace(self, frames=self.frames[which], keys=self.gate_keys.taken(which))

    @property
    def samples(self) -> int:
        return int(self.frames.shape[0])

    @property
    def binary(self) -> bool:
        """True where an input event is a spike and not a payload."""
        if self.graded is not None:
            return not self.graded
        return bool(self.frames.min(initial=0) >= 0 and self.frames.max(initial=0) <= 1)

    @property
    def ternary(self) -> np.ndarray:
        """``(N, T)`` bool: steps in which no value is other than -1, 0 and 1."""
        within = np.ones((self.samples, self.steps), dtype=bool)
        axes = tuple(range(1, self.frames.ndim - 1))
        sent = (self.frames.min(axis=axes) >= -1) & (self.frames.max(axis=axes) <= 1)
        within[:, : sent.shape[-1]] = sent
        return within


@dataclass(frozen=True, eq=False)
class LayerCounts:
    """Exact counts of one layer, per sample and step: arrays ``(N, T)`` of integers.

    Step t is the t-th step of the sample's window *at that layer*. What sigma-delta neurons send are
    messages, and they count as spikes do: each that is not zero. Their biases also act in the steps before a
    layer's window, the same for every sample, which no count holds.

    Attributes:
        name: as ``Model.layer_name`` gives it.
        neurons: in the population.
        graded_input: True where the input events carry integer payloads, so that a synaptic
            operation is a multiply-accumulate; False where they are spikes (an accumulate).
        input_events: non-zero inputs that arrived.
        synops: synaptic operations: each event times its true fan-out over non-zero weights
            (borders and pruned weights count exactly).
        synops_dense: the same with zero weights counted too.
        spikes: sent; behind a stochastic gate, those that it let pass.
        active_updates: neurons whose current, potential from the step before or bias is not zero: the update
            of any other adds zeros to a potential of zero. All neurons of a sigma-delta population; of one
            that sends its sum, those whose sum is not zero.
        wraps: neurons whose current wrapped around its 24 bits, or a sigma-delta state around its 32.
        clips: neurons whose potential was clipped at its 24 bits.
        biased: neurons with a non-zero bias (each adds it in every step).
        recurrent_synops: of the synaptic operations, those of synapses from the population itself, which its
            spikes do even where its input carries payloads; None where there are none, or where it sends
            messages.
        graded_synops: of the synaptic operations, those of events with payloads, where shortcuts bring both
            kinds together; None where ``graded_input`` says it of all.
        graded_additions: of these, those of shortcuts that only add what they bring
            (:func:`lavarobust.netx.graph.only_adds`); None where none join.
        cut_sums: neurons whose synaptic sum lost bits, to a convolution's 24, an array's 32 or a shift to
            the right, or whose input did to its 16 (an encoder's, to its 32); None from backends that can't
            see them.
    """

    name: str
    neurons: int
    graded_input: bool
    input_events: np.ndarray
    synops: np.ndarray
    synops_dense: np.ndarray
    spikes: np.ndarray
    active_updates: np.ndarray
    wraps: np.ndarray
    clips: np.ndarray
    biased: int = 0
    recurrent_synops: np.ndarray | None = None
    graded_synops: np.ndarray | None = None
    graded_additions: np.ndarray | None = None
    cut_sums: np.ndarray | None = None

    @property
    def neuron_updates(self) -> int:
        """Neuron updates of one sample: every neuron, every step of the window."""
        return self.neurons * int(self.spikes.shape[1])


@dataclass(frozen=True, eq=False)
class Record:
    """One execution of N samples.

    Attributes:
        backend: the backend's name; every figure derived from this record carries it.
        model: name of the model.
        steps: T.
        readout: ``membrane`` or ``spike_count``.
        prediction: ``(N,)`` int64, lowest class index among ties.
        tied: ``(N,)`` bool, True where the winning output is shared by several classes.
        output_counts: ``(N, classes)`` int64, output spikes per class.
        potential: ``(N, classes)`` int64, potential of the last layer (of sigma-delta neurons, their sum) at
            the window's end; None where the readout is ``spike_count``.
        layers: counts of every layer with neurons, in order.
        ternary_input: ``(N, T)`` bool, steps in which no value of the stimulus is other than -1, 0 and 1;
            None from backends that do not say.
        rasters: layer index to spikes ``(N, *shape, T)`` uint8, or to the int32 messages of sigma-delta
            neurons, for the layers asked for.
    """

    backend: str
    model: str
    steps: int
    readout: str
    prediction: np.ndarray
    tied: np.ndarray
    output_counts: np.ndarray
    potential: np.ndarray | None
    layers: tuple[LayerCounts, ...]
    ternary_input: np.ndarray | None = None
    rasters: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def samples(self) -> int:
        return int(self.prediction.shape[0])

    @property
    def scores(self) -> np.ndarray:
        """``(N, classes)`` int64: what the prediction is the argmax of."""
        return self.output_counts if self.potential is None else self.potential


@dataclass(frozen=True, eq=False)
class QuantisedLayer:
    """What one layer of a quantised ANN did for N images: arrays ``(N,)`` int64.

    Attributes:
        name: of the spiking layer whose weights it has.
        events: activations that arrived and are not zero.
        operations: multiply-accumulates of these over non-zero weights, borders exact.
        operations_dense: the same with zero weights counted too.
        sent: activations of its own that are not zero.
    """

    name: str
    events: np.ndarray
    operations: np.ndarray
    operations_dense: np.ndarray
    sent: np.ndarray


@dataclass(frozen=True, eq=False)
class QuantisedRun:
    """One pass of the quantised ANN with a spiking model's weights.

    Attributes:
        bits: of an activation, which has as many levels as spikes in a window can say.
        prediction: ``(N,)`` int64.
        layers: those with neurons, in order.
    """

    bits: int
    prediction: np.ndarray
    layers: tuple[QuantisedLayer, ...]


def decide(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prediction and ties of integer scores ``(N, classes)``: the lowest class index wins a tie.

    Returns:
        ``(N,)`` int64 predictions and ``(N,)`` bool ties.
    """
    prediction = scores.argmax(axis=1).astype(np.int64)
    tied = (scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1
    return prediction, tied


def joined(parts: Iterable[Record], samples: int) -> Record:
    """One record of the samples of several, in order; each part is let go before the next is asked for.

    An array that the parts hold under two names is joined once.

    Args:
        parts: of one backend, model, window and readout, with the same rasters kept.
        samples: N, of all parts together.
    """
    whole: dict[str, np.ndarray] = {}
    same: dict[str, str] = {}
    record, done = None, 0
    ever_graded: set[int] = set()
    for record in parts:
        if record.samples == samples:
            return record
        arrays = _arrays(record)
        first = {id(values): name for name, values in reversed(arrays.items())}
        for name, values in arrays.items():
            if first[id(values)] != name:
                same[name] = first[id(values)]
                continue
            # zeros that nobody writes to, as most counts of cuts are, take no memory
            if name not in whole:
                whole[name] = np.zeros((samples, *values.shape[1:]), dtype=values.dtype)
            if values.any():
                whole[name][done : done + len(values)] = values
        done += record.samples
        ever_graded |= {place for place, layer in enumerate(record.layers) if layer.graded_input}
    if record is None or done != samples:
        raise ValueError(f"parts of {done} samples do not make up {samples}")
    whole |= {name: whole[other] for name, other in same.items()}
    return _with_arrays(record, whole, ever_graded)


def _arrays(record: Record) -> dict[str, np.ndarray]:
    """Every array of a record by a name of its own."""
    named = {f.name: getattr(record, f.name) for f in fields(Record)}
    for index, raster in record.rasters.items():
        named[f"rasters {index}"] = raster
    for place, layer in enumerate(record.layers):
        named |= {f"layer {place} {f.name}": getattr(layer, f.name) for f in fields(LayerCounts)}
    return {name: value for name, value in named.items() if isinstance(value, np.ndarray)}


def _with_arrays(record: Record, arrays: Mapping[str, np.ndarray], graded: Set[int]) -> Record:
    layers = []
    for place, layer in enumerate(record.layers):
        prefix = f"layer {place} "
        counts = {name.removeprefix(prefix): held for name, held in arrays.items() if name.startswith(prefix)}
        layers.append(replace(layer, **counts, graded_input=place in graded))  # type: ignore[arg-type]
    return replace(
        record,
        layers=tuple(layers),
        rasters={index: arrays[f"rasters {index}"] for index in record.rasters},
        **{name: held for name, held in arrays.items() if " " not in name},  # type: ignore[arg-type]
    )
