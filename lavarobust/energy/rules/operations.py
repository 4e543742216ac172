"""Billable operations, and the rule that bills what was executed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lavarobust.energy.ledger import LayerLedger, Ledger
from lavarobust.energy.profiles import Connection, Term
from lavarobust.errors import SettingsError


@dataclass(frozen=True, eq=False)
class Operations:
    """Billable operations of one kind.

    Attributes:
        layer: that executes them, or ``"host"``, ``"gates"`` or ``"soft resets"``.
        term: their kind.
        count: ``(N,)`` per sample; int64 where counted, float64 where estimated.
        connection: kind of layer whose synapses they pass; None where they pass none.
    """

    layer: str
    term: Term
    count: np.ndarray
    connection: Connection | None = None


def executed(ledger: Ledger) -> tuple[Operations, ...]:
    """Every operation that the execution did, by its exact count.

    Spikes cost accumulates and payloads multiply-accumulates, one for each non-zero weight they reach, and
    graded additions where a shortcut only adds them; then neuron updates, bias additions, spikes, relays in
    front of shortcuts, what soft resets and the draws of gates take beyond them, and the input events that
    the host sends. An input population has neither synapses nor counted biases.
    """
    rows = []
    for layer in ledger.layers:
        if layer.has_synapses:
            if layer.graded_input or layer.multiply_accumulates.any():
                rows.append(synaptic(layer, "multiply_accumulate", layer.multiply_accumulates))
            if not layer.graded_input or layer.accumulates.any():
                rows.append(synaptic(layer, "accumulate", layer.accumulates))
            if layer.graded_additions.any():
                rows.append(synaptic(layer, "graded_addition", layer.graded_additions))
            rows.append(Operations(layer.layer, "bias_addition", layer.bias_additions))
        rows.append(Operations(layer.layer, "active_update", layer.active_updates))
        rows.append(Operations(layer.layer, "idle_update", layer.idle_updates))
        rows.append(Operations(layer.layer, "spike", layer.spikes))
        if layer.relays.any():
            rows.append(Operations(layer.layer, "relay", layer.relays))
    if ledger.soft_resets is not None:
        rows.append(Operations("soft resets", "soft_reset", ledger.soft_resets))
    if ledger.gate_draws is not None:
        rows.append(Operations("gates", "gate_draw", ledger.gate_draws))
    if ledger.host_events is not None:
        rows.append(Operations("host", "host_event", ledger.host_events))
    return tuple(rows)


def synaptic(layer: LayerLedger, term: Term, count: np.ndarray) -> Operations:
    """Operations of a layer's synapses."""
    return Operations(layer.layer, term, count, layer.shape.connection)


def synaptic_layers(ledger: Ledger, rule: str) -> tuple[LayerLedger, ...]:
    """The layers with synapses, each a plain dense layer or convolution.

    Raises:
        SettingsError: there is none, or one is recurrent or joined by shortcuts, which ``rule`` leaves open.
    """
    layers = tuple(layer for layer in ledger.layers if layer.has_synapses)
    for layer in layers:
        for is_so, what in (
            (layer.shape.joined, "joined by shortcuts"),
            (layer.shape.recurrent, "recurrent"),
        ):
            if is_so:
                raise SettingsError(
                    f"rule {rule}: layer {layer.layer} of {ledger.model} is {what}, which that rule doesn't "
                    "cover. Choose the rule executed"
                )
    if not layers:
        raise SettingsError(
            f"rule {rule}: {ledger.model} has no layer with synapses. Choose the rule executed"
        )
    return layers
