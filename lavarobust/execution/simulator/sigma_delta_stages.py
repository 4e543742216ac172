"""A sigma-delta model made ready to run: per layer the loaded weights, neurons and fan-out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from lavarobust.dynamics.sigma_delta import Neurons
from lavarobust.errors import BackendError
from lavarobust.netx.fanout import fan_out, recurrent_fan_out
from lavarobust.netx.limits import SIGMA_DELTA_SHIFT
from lavarobust.netx.loader_rules import LoadedWeight, effective_bias, effective_delay, load_weight
from lavarobust.netx.model import Conv, Dense, Flatten, Input, Model, Shape, SigmaDelta
from lavarobust.netx.validate import validate_populations


@dataclass(frozen=True, eq=False)
class SigmaDeltaStage:
    """One layer with sigma-delta neurons.

    Attributes:
        index, name: position in the model's layers and the name to print.
        layer: the layer itself.
        input_shape, shape: of one sample.
        lead: steps that it runs in Lava before the first frame can reach it: one per synapse layer from
            the input on. Biases are at work in them.
        neurons: parameters.
        biased: neurons with a non-zero bias.
        weight: as loaded; None for an input layer.
        delays: ``(out, in)`` steps, or None.
        fan_out: ``(inputs, 2)`` int64: synapses each input drives, non-zero and all; None for an input layer.
        recurrent_fan_out: ``(neurons, 2)``, or None.
    """

    index: int
    name: str
    layer: Input | Dense | Conv
    input_shape: Shape
    shape: Shape
    lead: int
    neurons: Neurons
    biased: int
    weight: LoadedWeight | None
    delays: np.ndarray | None
    fan_out: np.ndarray | None
    recurrent_fan_out: np.ndarray | None


@lru_cache(maxsize=16)
def compile_sigma_delta(model: Model) -> tuple[SigmaDeltaStage, ...]:
    """The stages of a sigma-delta model, in order; cached per model object.

    Raises:
        ModelFileError: LIF neurons among its layers.
    """
    validate_populations(model.layers, model.name)
    stages: list[SigmaDeltaStage] = []
    shape = model.input_shape
    for index, layer in enumerate(model.layers):
        if isinstance(layer, Flatten):
            shape = (int(np.prod(shape)),)
            continue
        if isinstance(layer, Dense):  # the first layer may be dense on (C, H, W)
            shape = (int(np.prod(shape)),)
        if layer.neuron is not None:
            lead = stages[-1].lead + 1 if stages else int(not isinstance(layer, Input))
            stages.append(_stage(model, index, layer, shape, lead))
        shape = layer.shape
    return tuple(stages)


def _stage(
    model: Model, index: int, layer: Input | Dense | Conv, input_shape: Shape, lead: int
) -> SigmaDeltaStage:
    neuron, name = layer.neuron, model.layer_name(index)
    if not isinstance(neuron, SigmaDelta):
        raise BackendError(f"{model.name}: {name} has no sigma-delta neurons")
    threshold, bias = neuron.threshold << SIGMA_DELTA_SHIFT, np.zeros((), dtype=np.int32)
    if isinstance(layer, Input):
        neurons = Neurons("delta", threshold, bias)
        return SigmaDeltaStage(
            index, name, layer, input_shape, layer.shape, lead, neurons, 0, None, None, None, None
        )
    shape = layer.shape
    per_channel = effective_bias(layer)
    bias = per_channel.reshape(-1, *[1] * (len(shape) - 1)) if per_channel.any() else bias
    recurrent = isinstance(layer, Dense) and layer.recurrent_weight is not None
    return SigmaDeltaStage(
        index=index,
        name=name,
        layer=layer,
        input_shape=input_shape,
        shape=shape,
        lead=lead,
        neurons=Neurons("sigma" if neuron.sends_sum else "sigma_delta", threshold, bias),
        biased=int(np.count_nonzero(np.broadcast_to(bias, shape))),
        weight=load_weight(layer, f"{model.name}: {name}"),
        delays=effective_delay(layer) if isinstance(layer, Dense) and layer.delay is not None else None,
        fan_out=np.stack(fan_out(layer, input_shape), axis=1),
        recurrent_fan_out=np.stack(recurrent_fan_out(layer), axis=1)  # type: ignore[arg-type]
        if recurrent
        else None,
    )
