"""A model made ready to run: per layer the loaded weights, neuron constants and fan-out as tensors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from lavarobust.dynamics import LIF, Analog, GradientRule, RateGradient, Surrogate, WindowRule
from lavarobust.errors import BackendError
from lavarobust.netx.fanout import fan_out, recurrent_fan_out
from lavarobust.netx.graph import branches, only_adds
from lavarobust.netx.loader_rules import effective_bias, effective_delay, load_weight
from lavarobust.netx.model import (
    READOUT,
    Conv,
    Dense,
    Flatten,
    Gate,
    GradedSum,
    Input,
    Model,
    Neuron,
    Shape,
    SigmaDelta,
)


@dataclass(frozen=True, eq=False)
class Synapse:
    """One weight array as Lava's process uses it: ``sums = (weight . x) >> shift``.

    Attributes:
        weight: float64, integer-valued; ``(out, in)`` or ``(out, in / groups, kH, kW)``.
        shift: right shift of the sum, which Lava holds in 32 bits before it.
    """

    weight: torch.Tensor
    shift: int


@dataclass(frozen=True, eq=False)
class Joining:
    """A shortcut that joins a layer's sums.

    Attributes:
        source: position of its source among the stages.
        stage: the layer that it would be, without bias: its synapse, geometry and fan-out.
        adds: whether values that come over it are only added, see :func:`lavarobust.netx.graph.only_adds`.
    """

    source: int
    stage: Stage
    adds: bool


@dataclass(frozen=True, eq=False)
class Stage:
    """One layer with neurons.

    Attributes:
        index, name: position in the model's layers and the name to print.
        layer: the layer itself.
        input_shape, shape: of one sample.
        neuron: its dynamics; of a population that sends its sum, one that is never asked.
        bias: state units (mantissa << 6), broadcasting against ``(*shape)``; None for none.
        biased: neurons with a non-zero bias.
        synapse, recurrent: weights; None where there are none.
        delays: ``(out, in)`` steps, or None.
        gate: behind the population, or None.
        fan_out: ``(inputs, 2)`` float64: synapses each input drives, non-zero and all.
        recurrent_fan_out: ``(neurons, 2)`` or None.
        sum_shift: bits that a population which sends its sum rounds away; None of one with neurons.
        graded: whether what arrives are values that such a population sent.
        joining: shortcuts into its sums.
        rule: how gradients go back through its spikes in place of the neuron's surrogate, or None.
    """

    index: int
    name: str
    layer: Input | Dense | Conv
    input_shape: Shape
    shape: Shape
    neuron: LIF
    bias: torch.Tensor | None
    biased: int
    synapse: Synapse | None
    recurrent: Synapse | None
    delays: np.ndarray | None
    gate: Gate | None
    fan_out: torch.Tensor | None
    recurrent_fan_out: torch.Tensor | None
    sum_shift: int | None = None
    graded: bool = False
    joining: tuple[Joining, ...] = ()
    rule: WindowRule | None = None


def count_names(stage: Stage) -> tuple[str, ...]:
    """Names in :class:`lavarobust.record.LayerCounts` of what a stage counts, in order."""
    names: tuple[str, ...] = ("input_events", "synops", "synops_dense", "spikes", "active_updates")
    if stage.recurrent is not None:
        names += ("recurrent_synops",)
    return (*names, "graded_synops", "graded_additions") if stage.joining else names


@lru_cache(maxsize=16)
def compile_model(model: Model, rule: GradientRule = Surrogate()) -> tuple[Stage, ...]:  # noqa: B008
    """The stages of a model, in order; cached per model object and gradient rule.

    A rule with a value in units of drive takes each layer's unit from the deployment record, where that
    has it. Populations that can't spike are linear, and pass gradients back exactly under every rule.

    Raises:
        BackendError: neurons that send no spikes, a recurrent layer under a rule that needs its whole
            window at once, or the analog twin, which is not a way back through this model.
    """
    if isinstance(rule, Analog):
        raise BackendError(
            f"{model.name}: the analog twin is a function of its own, with no way back through spikes. Ask "
            "analog_scores for it"
        )
    stages: list[Stage] = []
    shape = model.input_shape
    thresholds = () if model.deployment is None else model.deployment.thresholds
    for index, layer in enumerate(model.layers):
        if isinstance(layer, Flatten):
            shape = (int(np.prod(shape)),)
            continue
        if isinstance(layer, Input) and layer.neuron is None:
            shape = layer.shape
            continue
        if isinstance(layer, Dense):  # the first layer may be dense on (C, H, W)
            shape = (int(np.prod(shape)),)
        threshold = thresholds[len(stages)] if len(stages) < len(thresholds) else 1.0
        stage = _ruled(model, _stage(model, index, layer, shape), rule, threshold)
        if isinstance(layer, (Dense, Conv)):
            stage = replace(stage, joining=_joining(model, index, layer, stages))
        stages.append(replace(stage, graded=bool(stages) and stages[-1].sum_shift is not None))
        shape = layer.shape
    return tuple(stages)


def _ruled(model: Model, stage: Stage, rule: Surrogate | WindowRule, threshold: float) -> Stage:
    """With the way that gradients go back, its threshold being given in units of drive."""
    if isinstance(rule, (Surrogate, RateGradient)):
        rule = rule.at(threshold)
    if isinstance(rule, Surrogate):
        return replace(stage, neuron=replace(stage.neuron, surrogate=rule))
    if not stage.neuron.spikes or stage.sum_shift is not None:
        return stage
    if stage.recurrent is not None:
        raise BackendError(
            f"{model.name}: {stage.name} is recurrent, and the rule {type(rule).__name__} looks at a whole "
            "window at once. Use a Surrogate"
        )
    return replace(stage, rule=rule)


def _joining(model: Model, index: int, layer: Dense | Conv, stages: list[Stage]) -> tuple[Joining, ...]:
    found = []
    for branch in branches(model, layer):
        source = stages[branch.source]
        shape = (int(np.prod(source.shape)),) if isinstance(branch.synapse, Dense) else source.shape
        stage = _stage(model, index, branch.synapse, shape)
        stage = replace(stage, graded=source.sum_shift is not None)
        found.append(Joining(branch.source, stage, only_adds(branch.synapse)))
    return tuple(found)


def _stage(model: Model, index: int, layer: Input | Dense | Conv, input_shape: Shape) -> Stage:
    if isinstance(layer.neuron, SigmaDelta) or layer.neuron is None:
        raise BackendError(
            f"{model.name}: {model.layer_name(index)} has sigma-delta neurons, which send no spikes that a "
            "surrogate gradient could go back through. Use a model with LIF neurons"
        )
    shape = tuple(layer.shape)
    bias = synapse = recurrent = delays = fan = recurrent_fan = None
    if not isinstance(layer, Input):
        states = effective_bias(layer)
        bias = _channelwise(states, shape) if states.any() else None
        where = f"{model.name}: {model.layer_name(index)}"
        loaded = load_weight(layer, where)
        synapse = _synapse(loaded.weight, loaded.shift)
        fan = torch.from_numpy(np.stack(fan_out(layer, input_shape), axis=1)).double()
    if isinstance(layer, Dense):
        delays = None if layer.delay is None else effective_delay(layer)
        if layer.recurrent_weight is not None:
            assert loaded.recurrent_weight is not None
            recurrent = _synapse(loaded.recurrent_weight, loaded.shift)
            recurrent_fan = torch.from_numpy(np.stack(recurrent_fan_out(layer), axis=1)).double()
    return Stage(
        index=index,
        name=model.layer_name(index),
        layer=layer,
        input_shape=input_shape,
        shape=shape,
        neuron=_lif(layer.neuron if isinstance(layer.neuron, Neuron) else READOUT, shape),
        bias=bias,
        biased=0 if bias is None else int((bias != 0).expand(shape).sum()),
        synapse=synapse,
        recurrent=recurrent,
        delays=delays,
        gate=None if isinstance(layer, Input) else layer.gate,
        fan_out=fan,
        recurrent_fan_out=recurrent_fan,
        sum_shift=layer.neuron.shift if isinstance(layer.neuron, GradedSum) else None,
    )


def _synapse(weight: np.ndarray, shift: int) -> Synapse:
    return Synapse(torch.from_numpy(weight.astype(np.float64)), shift)


def _lif(neuron: Neuron, shape: Shape) -> LIF:
    decays = _decay(neuron.current_decay, shape), _decay(neuron.voltage_decay, shape)
    return LIF(*decays, neuron.threshold, reset=neuron.reset)


def _decay(decay: int | np.ndarray, shape: Shape) -> int | torch.Tensor:
    return int(decay) if np.ndim(decay) == 0 else _channelwise(np.asarray(decay), shape)


def _channelwise(values: np.ndarray, shape: Shape) -> torch.Tensor:
    """Per-channel, per-neuron or scalar values as a tensor that broadcasts against ``(*shape)``."""
    tensor = torch.from_numpy(values.astype(np.float64))
    if tensor.dim() == 1 and len(shape) == 3 and len(tensor) > 1:
        return tensor.view(-1, 1, 1)
    return tensor
