"""HIRE-SNN's estimates (Kundu, Pedram, Beerel, ICCV 2021): Eq. 7 and 8 over the operations of Table 6.

``FL_ANN = k^2 Ho Wo Co Ci`` (dense: ``out in``) and ``FL_SNN^l = FL_ANN^l zeta^l``, with zeta^l the spiking
activity: spikes over all steps per neuron, taken from the neurons that feed layer l (the table attaches it to
l itself, whose multiplications wait for its input's spikes). An average fan-out, which ignores borders,
strides that skip a neuron, and pruned weights. Where a kernel holds an average pool, FL_ANN is that of the
kernel without it, and zeta still that of the neurons in front of the pool. Neuron updates, memory, pools,
biases and shortcuts are in neither equation.
"""

from __future__ import annotations

import numpy as np

from lavarobust.energy.ledger import LayerLedger, Ledger
from lavarobust.energy.rules.operations import Operations, synaptic, synaptic_layers
from lavarobust.errors import SettingsError


def hire_eq7(ledger: Ledger) -> tuple[Operations, ...]:
    """Eq. 7, ``E = sum_l FL_SNN^l E_AC``: a rate-coded network. A signed spike is one that is subtracted.

    Raises:
        SettingsError: a layer receives payloads, is recurrent, or is joined by shortcuts.
    """
    layers = synaptic_layers(ledger, "hire-eq7")
    for layer in layers:
        if _payloads(layer):
            raise SettingsError(
                f"rule hire-eq7: layer {layer.layer} of {ledger.model} receives payloads, and Eq. 7 is "
                "for spikes. Choose the rule hire-eq8 or executed"
            )
    return tuple(_spiking(layer) for layer in layers)


def hire_eq8(ledger: Ledger) -> tuple[Operations, ...]:
    """Eq. 8, ``E = FL_SNN^1 E_MAC + sum_{l>=2} FL_SNN^l E_AC``: direct input, by the paper's convention.

    Activity has no meaning for an analog input, so FL_SNN^1 is read as FL_ANN^1, once: also where the image
    was sent again in every step, and where it is blank. :func:`hire_eq8_executed` has what was executed
    instead.

    Raises:
        SettingsError: the first layer receives spikes, a later one payloads, or one is recurrent or joined
            by shortcuts.
    """
    first, later = _direct(ledger, "hire-eq8")
    once = np.full(ledger.samples, dense_operations(first), dtype=np.int64)
    return (synaptic(first, "multiply_accumulate", once), *(_spiking(layer) for layer in later))


def hire_eq8_executed(ledger: Ledger) -> tuple[Operations, ...]:
    """Eq. 8 with the multiply-accumulates that the first layer executed: those of the image's non-zero
    values, once where the layer keeps its current, T times where the image is sent again.

    Raises:
        SettingsError: as :func:`hire_eq8`.
    """
    first, later = _direct(ledger, "hire-eq8-executed")
    executed = synaptic(first, "multiply_accumulate", first.multiply_accumulates)
    return (executed, *(_spiking(layer) for layer in later))


def dense_operations(layer: LayerLedger) -> int:
    """FL_ANN of Table 6, of the kernel in front of which its average pool stands."""
    return layer.shape.multiply_accumulates // layer.shape.pool**2


def _direct(ledger: Ledger, rule: str) -> tuple[LayerLedger, tuple[LayerLedger, ...]]:
    first, *later = synaptic_layers(ledger, rule)
    if not _payloads(first):
        raise SettingsError(
            f"rule {rule}: layer {first.layer} of {ledger.model} receives spikes, and Eq. 8 is for "
            "direct input. Choose the rule hire-eq7 or executed"
        )
    for layer in later:
        if _payloads(layer):
            raise SettingsError(
                f"rule {rule}: layer {layer.layer} of {ledger.model} receives payloads, and Eq. 8 has them "
                "in the first layer only. Choose the rule executed"
            )
    return first, tuple(later)


def _payloads(layer: LayerLedger) -> bool:
    """Whether a layer receives other values than spikes with and without sign."""
    signed = layer.signed_multiply_accumulates
    return layer.graded_input and not (signed.any() and np.array_equal(signed, layer.multiply_accumulates))


def _spiking(layer: LayerLedger) -> Operations:
    # multiplied before divided: a single rounding, and none where the fan-out is a whole number
    estimate = layer.input_events * dense_operations(layer) / layer.shape.inputs
    return synaptic(layer, "accumulate", estimate)
