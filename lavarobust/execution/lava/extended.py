"""The Lava network of an extended model: lava-dl's own blocks and synapses, with Processes of ours in them.

One step of latency per synapse layer, resets and message bits are as lava-dl's loader has them for a plain
file (``lava/lib/dl/netx/hdf5.py``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from lava.lib.dl.netx.blocks.process import AbstractBlock, RecurrentDense
from lava.lib.dl.netx.blocks.process import Conv as ConvBlock
from lava.lib.dl.netx.blocks.process import Dense as DenseBlock
from lava.lib.dl.netx.blocks.process import Input as InputBlock
from lava.lib.dl.netx.utils import optimize_weight_bits
from lava.magma.core.process.ports.ports import OutPort
from lava.proc.lif.process import LIFReset

from lavarobust.draws import Keys
from lavarobust.errors import BackendError
from lavarobust.execution.lava.processes.extended_network import ExtendedNetwork
from lavarobust.execution.lava.processes.soft_reset import SoftLIFReset
from lavarobust.execution.lava.processes.stochastic_gate import StochasticGate
from lavarobust.netx.loader_rules import effective_delay
from lavarobust.netx.model import Conv, Dense, Gate, Input, Model, Neuron

_BIAS_EXPONENT = 6
_FIRST_RESET = 2
"""Time starts at 1, and ``reset_offset=1``: the step at which the first layer gets its first input."""


def extended_network(
    model: Model, window: int, message_bits: int, sparse_fc_layer: bool = False
) -> ExtendedNetwork:
    """The network of a model, as :func:`lavarobust.execution.lava.network.stock_network` builds a plain one.

    Args:
        model: the integer model, of LIF populations.
        window: reset interval in steps.
        message_bits: 0 for spikes of 0 and 1; positive for integer payloads.
        sparse_fc_layer: dense layers as Lava's sparse Processes.

    Raises:
        BackendError: Lava can't build it; names the layer.
    """
    blocks: list[AbstractBlock] = []
    out, gates = None, {}
    shape = model.input_shape
    for index, layer in model.populations:
        try:
            block = _block(layer, shape, window, len(blocks), message_bits, sparse_fc_layer)
            if out is not None:
                _connect(out, block)
        except Exception as error:
            raise BackendError(
                f"{model.name}: Lava fails to build layer {model.layer_name(index)} "
                f"({type(error).__name__}: {error}). Run it on the backend 'simulator'"
            ) from error
        out = block.out
        if not isinstance(layer, Input) and layer.gate is not None:
            gate = gates[len(blocks)] = _gate(layer.gate, layer.shape, window, _FIRST_RESET + len(blocks))
            out.connect(gate.s_in)
            out = gate.s_out
        blocks.append(block)
        shape, message_bits = layer.shape, block.output_message_bits
    return ExtendedNetwork(
        layers=blocks, gates=gates, input_message_bits=blocks[0].input_message_bits, last=out
    )


def _gate(gate: Gate, shape: tuple[int, ...], window: int, first_step: int) -> StochasticGate:
    """The Process of a gate; whose draws it takes, and in how many steps, is left to who runs it."""
    return StochasticGate(
        opening=gate.opening.reshape(shape).transpose(),
        seed=gate.seed,
        stream=gate.stream,
        steps=window,
        window=window,
        first_step=first_step,
        keys=Keys(np.zeros(0, dtype=np.int64)),
    )


def _block(
    layer: Input | Dense | Conv,
    input_shape: tuple[int, ...],
    window: int,
    depth: int,
    message_bits: int,
    sparse: bool,
) -> AbstractBlock:
    neuron_params = neuron_parameters(layer.neuron, window, depth)
    if isinstance(layer, Input):
        return InputBlock(shape=layer.shape[::-1], neuron_params=neuron_params)
    common = {"shape": layer.shape[::-1], "neuron_params": neuron_params, "input_message_bits": message_bits}
    if layer.bias is not None:
        common["bias"] = layer.bias
    if isinstance(layer, Conv):
        # Lava's kernels are (out, W, H, in) and turned around
        weight = layer.weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)
        pairs = {key: np.array(getattr(layer, key)[::-1]) for key in ("stride", "padding", "dilation")}
        return ConvBlock(input_shape=input_shape[::-1], weight=weight, groups=layer.groups, **pairs, **common)
    return _dense_block(layer, common | {"sparse_synapse": sparse})


def _dense_block(layer: Dense, common: dict[str, Any]) -> AbstractBlock:
    inputs = layer.weight.shape[1]
    if layer.delay is not None:
        common = common | {"delay": effective_delay(layer)}
    both = (
        layer.weight if layer.recurrent_weight is None else np.hstack((layer.weight, layer.recurrent_weight))
    )
    weight, bits, exponent, sign_mode = optimize_weight_bits(both)
    common |= {"num_weight_bits": bits, "weight_exponent": exponent, "sign_mode": sign_mode}
    if layer.recurrent_weight is None:
        return DenseBlock(weight=weight, **common)
    return RecurrentDense(weight=weight[:, :inputs], weight_rec=weight[:, inputs:], **common)


def neuron_parameters(neuron: Any, window: int, depth: int) -> dict[str, Any]:
    """What a netx block needs to make a population ``depth`` synapse layers behind the input's."""
    if not isinstance(neuron, Neuron):
        raise TypeError("sigma-delta neurons have no extension")
    return {
        "neuron_proc": SoftLIFReset if neuron.reset == "soft" else LIFReset,
        "bias_key": "bias_mant",
        "vth": neuron.threshold,
        "du": neuron.current_decay - 1,
        "dv": neuron.voltage_decay,
        "bias_exp": _BIAS_EXPONENT,
        "num_message_bits": 0,
        "reset_interval": window,
        "reset_offset": _FIRST_RESET + depth,
    }


def _connect(out: OutPort, target: AbstractBlock) -> None:
    if len(out.shape) == 3 and len(target.inp.shape) == 1:
        out = out.transpose([2, 1, 0]).flatten()
    out.connect(target.inp)
