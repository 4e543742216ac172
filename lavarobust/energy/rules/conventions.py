"""How NeuroBench, SpikingJelly and syops-counter count a network, called step by step and image by image.

They watch the values that enter a layer in one call, and take all operations of that call as accumulates (AC)
or all as multiply-accumulates (MAC). Neuron updates are other figures of theirs, and in none of these rules.

==================  ==========================  =====================  ========================
what arrives        NeuroBench                  SpikingJelly           syops-counter
==================  ==========================  =====================  ========================
spikes 0 and 1      AC: non-zero weights        AC: weights reached    AC: dense count x rate
signed spikes       AC: non-zero weights        MAC: dense count       MAC: dense count
graded values       MAC: non-zero weights       MAC: dense count       MAC: dense count
pool in the kernel  AC: of the spikes in front  MAC: dense, behind it  MAC: dense, behind it
bias                nothing                     nothing                in the dense count
==================  ==========================  =====================  ========================
"""

from __future__ import annotations

import numpy as np

from lavarobust.energy.ledger import LayerLedger, Ledger
from lavarobust.energy.rules.hire import dense_operations
from lavarobust.energy.rules.operations import Operations, synaptic, synaptic_layers


def neurobench(ledger: Ledger) -> tuple[Operations, ...]:
    """NeuroBench's Effective_ACs and Effective_MACs (``neurobench/metrics/utils/layers``, 2.3.0).

    Zero activations and zero weights cost nothing, biases neither. A call whose values are all -1, 0 or 1 is
    one of accumulates: of the stimulus that is counted, of graded values inside the network it is taken as
    never so. The network is the deployed one: where a kernel holds an average pool, each spike in front of it
    counts for itself.

    Raises:
        SettingsError: a layer is recurrent or joined by shortcuts.
    """
    rows: list[Operations] = []
    for layer in synaptic_layers(ledger, "neurobench"):
        signed = layer.signed_multiply_accumulates
        rows += _rows(layer, layer.accumulates + signed, layer.multiply_accumulates - signed)
    return tuple(rows)


def spikingjelly(ledger: Ledger) -> tuple[Operations, ...]:
    """SpikingJelly's ACCounter and MACCounter (``spikingjelly/activation_based/op_counter``, 2.0.0).

    A call whose values are all 0 or 1 costs an accumulate for each weight that a spike reaches, also for a
    weight of zero; any other costs every multiply-accumulate of the layer, zeros and padding included. Signed
    and graded input is taken as such in each step in which anything arrives. Where a kernel holds an average
    pool, the pool stands in front of it, as the network was trained: its additions are accumulates in every
    step of the window, and what it passes on are graded values.

    Raises:
        SettingsError: a layer is recurrent or joined by shortcuts.
    """
    rows: list[Operations] = []
    for layer in synaptic_layers(ledger, "spikingjelly"):
        dense = layer.dense_passes * np.int64(dense_operations(layer))
        if layer.shape.pool > 1:
            pooled = layer.shape.inputs // layer.shape.pool**2
            additions = ledger.steps * (layer.shape.inputs - pooled)
            rows += _rows(layer, np.full_like(dense, additions), dense)
        elif layer.graded_input:
            rows += _rows(layer, np.zeros_like(dense), dense)
        else:
            rows += _rows(layer, layer.synops_dense, np.zeros_like(dense))
    return tuple(rows)


def syops(ledger: Ledger) -> tuple[Operations, ...]:
    """syops-counter's ACs and MACs of convolutions, dense layers and pools (``syops/ops.py``, 0.0.5).

    A call of at most two values within 0 and 1 costs the layer's operations times the mean of the values as
    accumulates, any other all of them as multiply-accumulates; a bias is one more operation for each neuron.
    An average pool in front of a kernel costs its own inputs times their mean. A grey image of two levels
    would pass as spikes there, and so would a pool's output in a step in which all that isn't 0 is the same:
    both are taken as graded here, in each step in which anything arrives.

    Raises:
        SettingsError: a layer is recurrent or joined by shortcuts.
    """
    rows: list[Operations] = []
    for layer in synaptic_layers(ledger, "syops"):
        operations = dense_operations(layer) + layer.shape.neurons * int(layer.bias_additions.any())
        dense = layer.dense_passes * np.int64(operations)
        if layer.graded_input:
            pool = layer.dense_passes * layer.shape.inputs * int(layer.shape.pool > 1)
            rows += _rows(layer, np.zeros_like(dense), dense + pool)
        elif layer.shape.pool > 1:
            rows += _rows(layer, layer.input_events, dense)
        else:
            rate = layer.input_events * operations / layer.shape.inputs
            rows += _rows(layer, rate, np.zeros_like(dense))
    return tuple(rows)


def _rows(layer: LayerLedger, accumulates: np.ndarray, multiply_accumulates: np.ndarray) -> list[Operations]:
    """Those of the two that the layer has, the accumulates where it has neither."""
    kept = []
    if multiply_accumulates.any():
        kept.append(synaptic(layer, "multiply_accumulate", multiply_accumulates))
    if accumulates.any() or not kept:
        kept.append(synaptic(layer, "accumulate", accumulates))
    return kept
