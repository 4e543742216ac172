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
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.proc.conv.process import Conv as ConvSynapse
from lava.proc.dense.process import Dense as DenseSynapse
from lava.proc.lif.process import LIFReset

from lavarobust.draws import Keys
from lavarobust.errors import BackendError
from lavarobust.execution.lava.processes.extended_network import ExtendedNetwork
from lavarobust.execution.lava.processes.graded_sum import GradedSum as GradedSumProcess
from lavarobust.execution.lava.processes.relay import Relay
from lavarobust.execution.lava.processes.soft_reset import SoftLIFReset
from lavarobust.execution.lava.processes.stochastic_gate import StochasticGate
from lavarobust.netx.graph import Branch, branches
from lavarobust.netx.loader_rules import effective_delay
from lavarobust.netx.model import Conv, Dense, Gate, GradedSum, Input, Model, Neuron

_BIAS_EXPONENT = 6
_SUM_BITS = 24
"""Of a graded sum's messages; Lava only asks whether there are any."""

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
    outs: list[OutPort] = []
    gates: dict[int, StochasticGate] = {}
    shape = model.input_shape
    for index, layer in model.populations:
        try:
            block = _block(layer, shape, window, len(blocks), message_bits, sparse_fc_layer)
            if outs:
                _connect(outs[-1], block.inp)
            if isinstance(layer, (Dense, Conv)):
                for branch in branches(model, layer):
                    early = len(blocks) - 1 - branch.source
                    _join(
                        branch, outs[branch.source], blocks[branch.source].output_message_bits, early, block
                    )
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
        outs.append(out)
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
        kernel = {"weight": _kernel(layer), "input_shape": input_shape[::-1], "groups": layer.groups}
        return ConvBlock(**kernel, **_moves(layer), **common)
    return _dense_block(layer, common | {"sparse_synapse": sparse})


def _join(branch: Branch, out: OutPort, bits: int, early: int, target: AbstractBlock) -> None:
    """Let a shortcut add to a population's sums.

    Args:
        out: where its source sends, messages of ``bits``.
        early: layers in a row that it goes around. They are the longest path to each population, so that it
            comes as many steps early.
    """
    if early:
        relay = Relay(shape=out.shape, steps=early)
        out.connect(relay.s_in)
        out = relay.s_out
    synapse = _synapse(branch.synapse, tuple(out.shape), bits)
    _connect(out, synapse.s_in)
    synapse.a_out.connect(target.neuron.a_in)


def _synapse(layer: Dense | Conv, input_shape: tuple[int, ...], bits: int) -> ConvSynapse | DenseSynapse:
    if isinstance(layer, Conv):
        kernel = {"weight": _kernel(layer), "input_shape": input_shape, "groups": layer.groups}
        return ConvSynapse(**kernel, **_moves(layer), num_message_bits=bits)
    weight, weight_bits, exponent, _ = optimize_weight_bits(layer.weight)
    return DenseSynapse(
        weights=weight, weight_exp=exponent, num_weight_bits=weight_bits, num_message_bits=bits
    )


def _kernel(layer: Conv) -> np.ndarray:
    """Lava's kernels are ``(out, W, H, in)`` and turned around."""
    return layer.weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1)


def _moves(layer: Conv) -> dict[str, np.ndarray]:
    return {key: np.array(getattr(layer, key)[::-1]) for key in ("stride", "padding", "dilation")}


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
    if isinstance(neuron, GradedSum):
        sends = {"neuron_proc": GradedSumProcess, "shift": neuron.shift}
        return sends | {"bias_key": "bias", "num_message_bits": _SUM_BITS}
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


def _connect(out: OutPort, target: InPort) -> None:
    flattens = len(out.shape) == 3 and len(target.shape) == 1
    (out.transpose([2, 1, 0]).flatten() if flattens else out).connect(target)
