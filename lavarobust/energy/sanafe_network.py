"""One sample of a model as a mapped network of SANA-FE: neurons, synapses, input spikes, cores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lavarobust.energy.cut import Cut
from lavarobust.energy.fit import Fit
from lavarobust.energy.sanafe_architecture import CORES_PER_TILE
from lavarobust.energy.sanafe_input import Drive, drive_of
from lavarobust.energy.synapse_list import Synapses, matrix_synapses, synapse_list
from lavarobust.errors import BackendError
from lavarobust.netx.limits import BIAS_EXPONENT, DECAY_UNITY
from lavarobust.netx.loader_rules import effective_bias, load_weight
from lavarobust.netx.model import Dense, Input, Model, Neuron, Shape
from lavarobust.netx.shapes import output_shapes
from lavarobust.record import Stimulus

SOURCES_PER_CORE = 1024
"""Neurons that fire as they are told, on one core."""


@dataclass(frozen=True)
class Mapped:
    """A network description.

    Attributes:
        text: the YAML.
        groups: name of each population's group, in order.
        cores: that it takes, those of the input's neurons among them.
        sources: most neurons on one core that fire as they are told.
        neurons: most neurons on one core, those among them.
        bias_operations: synaptic operations that stand for biases, in one sample.
        notes: sentences: where it may differ from the executed model.
    """

    text: str
    groups: tuple[str, ...]
    cores: int
    sources: int
    neurons: int
    bias_operations: int
    notes: tuple[str, ...]


def mapped_network(model: Model, stimulus: Stimulus, on_chip: Fit) -> Mapped:
    """The first sample of a stimulus, executed once from rest.

    A neuron's bias, and the constant drive of an image that is sent once, come as spikes of a neuron of its
    core that fires in every step of the layer's window, so that no layer begins before its input arrives;
    each costs a synaptic operation. Messages take one step, as Lava's do.

    Raises:
        BackendError: what SANA-FE's neurons can't express; a model that doesn't fit its cores.
    """
    _refuse(model)
    cuts = [layer.cut for layer in on_chip.layers]
    if None in cuts:
        raise BackendError(f"{model.name}: does not fit the cores of {on_chip.profile}. See lavarobust check")
    drive = drive_of(model, stimulus)
    writer = _Writer(model, stimulus.steps, [cut for cut in cuts if cut is not None])
    writer.inputs(drive)
    shapes = (model.input_shape, *output_shapes(model.layers, model.input_shape, model.name))
    for position, (index, _) in enumerate(model.populations):
        writer.population(position, drive.constant if position == 0 else None, shapes[index], drive)
    return writer.finished(model)


def group_name(index: int) -> str:
    """Of a layer's neurons; SANA-FE's addresses take neither blanks nor dots."""
    return f"layer{index}"


def _refuse(model: Model) -> None:
    for index, layer in model.populations:
        problem = None
        if not isinstance(layer.neuron, Neuron):
            problem = "sigma-delta neurons and graded sums send values"
        elif isinstance(layer, Input):
            pass
        elif layer.gate is not None:
            problem = "stochastic gates draw"
        elif layer.shortcuts:
            problem = "skip connections take relays"
        elif isinstance(layer, Dense) and layer.delay is not None and layer.delay.any():
            problem = "synapses with delays wait"
        if problem:
            raise BackendError(
                f"{model.name}: {model.layer_name(index)}: {problem}, which is not exported to SANA-FE. "
                "Export a plain model of LIF neurons"
            )


class _Writer:
    """Collects groups, edges and mappings, population by population."""

    def __init__(self, model: Model, steps: int, cuts: list[Cut]) -> None:
        self._model, self._steps, self._cuts = model, steps, cuts
        self._groups: list[str] = []
        self._edges: list[str] = []
        self._mappings: list[str] = []
        self._core = 0
        self._most = [1, 1]
        self._bias_operations = 0
        self._notes: list[str] = []

    def inputs(self, drive: Drive) -> None:
        """A neuron for each input that spikes, on cores of their own."""
        for name, rasters in drive.rasters.items():
            self._sources(name, rasters, self._core + np.arange(len(rasters)) // SOURCES_PER_CORE)
            self._core += -(-len(rasters) // SOURCES_PER_CORE)
            self._most = [max(self._most[0], min(len(rasters), SOURCES_PER_CORE))] * 2

    def population(self, position: int, constant: np.ndarray | None, arriving: Shape, drive: Drive) -> None:
        """A population with what reaches it, on the cores of its cut."""
        index, layer = self._model.populations[position]
        name, cut, neuron = group_name(index), self._cuts[position], layer.neuron
        assert isinstance(neuron, Neuron)
        grid = (*layer.shape, 1, 1)[:3] if len(layer.shape) == 1 else layer.shape
        cores = self._core + cut.core_of((int(grid[0]), int(grid[1]), int(grid[2])))
        kind = "dense" if isinstance(layer, (Dense, Input)) else "conv"
        self._groups.append(_group(name, layer.shape, neuron, kind, constant is not None))
        self._mappings += _mapping(name, cores, "lif")
        self._note(neuron, constant)
        bias = np.zeros(len(cores))
        if not isinstance(layer, Input):
            per_channel = effective_bias(layer) / float(1 << BIAS_EXPONENT)
            bias = np.repeat(per_channel, len(cores) // layer.shape[0])
            found = synapse_list(layer, arriving)
            if not found.whole:
                self._notes.append("sums that the loader's shift rounds down are not rounded in SANA-FE")
            if position:
                self._join(group_name(self._model.populations[position - 1][0]), name, found)
            elif constant is None:
                for source, sign in drive.signs.items():
                    self._join(source, name, Synapses(found.source, found.target, sign * found.weight))
            if isinstance(layer, Dense) and layer.recurrent_weight is not None:
                loaded = load_weight(layer)
                assert loaded.recurrent_weight is not None
                self._join(name, name, matrix_synapses(loaded.recurrent_weight, loaded.shift))
        self._bias(position, name, bias + (0 if constant is None else constant), cores)
        self._core += cut.cores

    def finished(self, model: Model) -> Mapped:
        """The description of everything so far."""
        text = "\n".join(
            (
                "network:",
                "  name: model",
                "  groups:",
                *self._groups,
                "  edges:",
                *self._edges,
                "mappings:",
                *self._mappings,
                "",
            )
        )
        return Mapped(
            text,
            tuple(group_name(index) for index, _ in model.populations),
            self._core,
            self._most[0],
            self._most[1],
            self._bias_operations,
            tuple(dict.fromkeys(self._notes)),
        )

    def _note(self, neuron: Neuron, constant: np.ndarray | None) -> None:
        decays = np.atleast_1d(neuron.current_decay)
        if neuron.reset == "soft":
            self._notes.append("softly reset neurons may fire on after their window, which costs too")
        if constant is None and ((decays > 0) & (decays < DECAY_UNITY)).any():
            self._notes.append("SANA-FE's currents decay without rounding to integers")

    def _join(self, source: str, target: str, synapses: Synapses) -> None:
        if len(synapses.source) == 0:
            return
        pairs = ", ".join(f"[{a}, {b}]" for a, b in zip(synapses.source, synapses.target, strict=True))
        weights = ", ".join(map(repr, synapses.weight.tolist()))
        self._edges.append(
            f"    - {source} -> {target}: "
            f"{{type: sparse, source_target_pairs: [{pairs}], weight: [{weights}]}}"
        )

    def _bias(self, position: int, name: str, bias: np.ndarray, cores: np.ndarray) -> None:
        """A neuron on each core that has biases, firing through the window of this population."""
        biased = np.flatnonzero(bias)
        homes = np.unique(cores[biased])
        self._most[1] = max(self._most[1], int(np.bincount(cores - cores.min()).max()) + 1)
        if len(homes) == 0:
            return
        raster = np.repeat([0, 1], [position, self._steps])
        source = f"bias{name.removeprefix('layer')}"
        self._sources(source, np.tile(raster, (len(homes), 1)), homes, together=False)
        which = np.searchsorted(homes, cores[biased])
        self._join(source, name, Synapses(which, biased, bias[biased]))
        self._bias_operations += len(biased) * self._steps

    def _sources(self, name: str, rasters: np.ndarray, cores: np.ndarray, together: bool = True) -> None:
        self._groups.append(f"    - name: {name}\n      attributes: {{log_spikes: false}}\n      neurons:")
        for neuron, raster in enumerate(rasters):
            spikes = ", ".join(map(str, raster))
            self._groups.append(f"        - {neuron}: {{soma: {{spikes: [{spikes}]}}}}")
            unit = neuron % SOURCES_PER_CORE if together else 0
            tile, core = divmod(int(cores[neuron]), CORES_PER_TILE)
            self._mappings.append(f'  - {name}.{neuron}: {{core: {tile}.{core}, soma: "source[{unit}]"}}')


def _group(name: str, shape: Shape, neuron: Neuron, kind: str, driven: bool) -> str:
    """Thresholds, weights and potentials in units of a weight: 1/64 of the executed state."""
    count = int(np.prod(shape))
    channels = shape[0]
    per_channel = count // channels
    current, voltage = (
        np.broadcast_to(decay, channels) for decay in (neuron.current_decay, neuron.voltage_decay)
    )
    soma = f"{{threshold: {neuron.threshold}, reset_mode: {neuron.reset}}}"
    lines = [
        f"    - name: {name}",
        f"      attributes: {{log_spikes: true, synapse_hw_name: {kind}, soma: {soma}}}",
        "      neurons:",
    ]
    for channel in range(channels):
        kept = 0.0 if driven else 1 - int(current[channel]) / DECAY_UNITY
        first, last = channel * per_channel, (channel + 1) * per_channel - 1
        lines.append(
            f"        - {first}..{last}: {{soma: {{input_decay: {kept!r}, "
            f"leak_decay: {1 - int(voltage[channel]) / DECAY_UNITY!r}}}}}"
        )
    return "\n".join(lines)


def _mapping(name: str, cores: np.ndarray, unit: str) -> Iterator[str]:
    """A line for each run of neurons on the same core."""
    starts = np.flatnonzero(np.diff(cores, prepend=-1))
    for first, end in zip(starts, (*starts[1:], len(cores)), strict=True):
        tile, core = divmod(int(cores[first]), CORES_PER_TILE)
        yield f"  - {name}.{first}..{end - 1}: {{core: {tile}.{core}, soma: {unit}}}"
