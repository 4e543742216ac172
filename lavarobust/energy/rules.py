"""Rules that turn counts into billable operations: as executed, and as HIRE-SNN estimates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from lavarobust.energy.ledger import LayerLedger, Ledger
from lavarobust.energy.profiles import Term
from lavarobust.errors import SettingsError


@dataclass(frozen=True, eq=False)
class Operations:
    """Billable operations of one kind.

    Attributes:
        layer: that executes them, or ``"host"``, ``"gates"`` or ``"soft resets"``.
        term: their kind.
        count: ``(N,)`` per sample; int64 where counted, float64 where estimated.
    """

    layer: str
    term: Term
    count: np.ndarray


def executed(ledger: Ledger) -> tuple[Operations, ...]:
    """Every operation that the execution did, by its exact count.

    Spikes cost accumulates and payloads multiply-accumulates, one for each non-zero weight they
    reach; then neuron updates, bias additions, spikes, what soft resets and the draws of gates take
    beyond them, and the input events that the host sends.
    An input population has neither synapses nor counted biases.
    """
    rows = []
    for layer in ledger.layers:
        if layer.has_synapses:
            if layer.graded_input or layer.multiply_accumulates.any():
                rows.append(Operations(layer.layer, "multiply_accumulate", layer.multiply_accumulates))
            if not layer.graded_input or layer.accumulates.any():
                rows.append(Operations(layer.layer, "accumulate", layer.accumulates))
            rows.append(Operations(layer.layer, "bias_addition", layer.bias_additions))
        rows.append(Operations(layer.layer, "active_update", layer.active_updates))
        rows.append(Operations(layer.layer, "idle_update", layer.idle_updates))
        rows.append(Operations(layer.layer, "spike", layer.spikes))
    if ledger.soft_resets is not None:
        rows.append(Operations("soft resets", "soft_reset", ledger.soft_resets))
    if ledger.gate_draws is not None:
        rows.append(Operations("gates", "gate_draw", ledger.gate_draws))
    if ledger.host_events is not None:
        rows.append(Operations("host", "host_event", ledger.host_events))
    return tuple(rows)


def hire_eq7(ledger: Ledger) -> tuple[Operations, ...]:
    """HIRE-SNN, Eq. 7: ``E = sum_l FL_SNN^l E_AC`` for a rate-coded network.

    ``FL_SNN^l = FL_ANN^l zeta^l`` (Table 6) with ``FL_ANN = k^2 Ho Wo Co Ci`` (dense: ``out in``)
    and zeta^l, the spiking activity: spikes over all steps per neuron, taken from the neurons that
    feed layer l (the paper attaches it to l; its multiplications wait for its input's spikes). An
    average fan-out that ignores borders, strides that skip a neuron, and pruned weights.

    Raises:
        SettingsError: a layer receives payloads, or is recurrent.
    """
    layers = _synaptic_layers(ledger, "hire-eq7")
    for layer in layers:
        if layer.graded_input:
            raise SettingsError(
                f"rule hire-eq7: layer {layer.layer} of {ledger.model} receives payloads, and Eq. 7 is "
                "for spikes. Choose the rule hire-eq8 or executed"
            )
    return tuple(_spiking(layer) for layer in layers)


def hire_eq8(ledger: Ledger) -> tuple[Operations, ...]:
    """HIRE-SNN, Eq. 8: ``E = FL_SNN^1 E_MAC + sum_{l>=2} FL_SNN^l E_AC`` for direct input.

    Later layers are as in :func:`hire_eq7`. Activity has no meaning for an analog input, so
    FL_SNN^1 is read as FL_ANN^1 once for each step in which the image was sent: once where the
    first layer keeps its current, T times where it is sent again. A blank image counts as one.

    Raises:
        SettingsError: the first layer receives spikes, a later one payloads, or one is recurrent.
    """
    first, *later = _synaptic_layers(ledger, "hire-eq8")
    if not first.graded_input:
        raise SettingsError(
            f"rule hire-eq8: layer {first.layer} of {ledger.model} receives spikes, and Eq. 8 is for "
            "direct input. Choose the rule hire-eq7 or executed"
        )
    for layer in later:
        if layer.graded_input:
            raise SettingsError(
                f"rule hire-eq8: layer {layer.layer} of {ledger.model} receives payloads, and Eq. 8 has them "
                "in the first layer only. Choose the rule executed"
            )
    passes = np.maximum(first.dense_passes, 1)
    direct = Operations(first.layer, "multiply_accumulate", passes * first.shape.multiply_accumulates)
    return (direct, *(_spiking(layer) for layer in later))


Rule = Callable[[Ledger], tuple[Operations, ...]]
RULES: Mapping[str, Rule] = {"executed": executed, "hire-eq7": hire_eq7, "hire-eq8": hire_eq8}


def applicable_rules(ledger: Ledger) -> tuple[str, ...]:
    """Names of the rules that this ledger can be billed by, ``executed`` first."""
    names = []
    for name, rule in RULES.items():
        try:
            rule(ledger)
        except SettingsError:
            continue
        names.append(name)
    return tuple(names)


def find_rule(name: str) -> Rule:
    """The rule of that name.

    Raises:
        SettingsError: there is none.
    """
    if name not in RULES:
        raise SettingsError(f"no energy rule {name!r}. Choose one of: {', '.join(RULES)}")
    return RULES[name]


def _synaptic_layers(ledger: Ledger, rule: str) -> tuple[LayerLedger, ...]:
    layers = tuple(layer for layer in ledger.layers if layer.has_synapses)
    for layer in layers:
        if layer.shape.joined:
            raise SettingsError(
                f"rule {rule}: shortcuts join layer {layer.layer} of {ledger.model}, which HIRE-SNN's "
                "equations leave out. Choose the rule executed"
            )
        if layer.shape.recurrent:
            raise SettingsError(
                f"rule {rule}: layer {layer.layer} of {ledger.model} is recurrent, which HIRE-SNN's "
                "equations don't cover. Choose the rule executed"
            )
    if not layers:
        raise SettingsError(
            f"rule {rule}: {ledger.model} has no layer with synapses. Choose the rule executed"
        )
    return layers


def _spiking(layer: LayerLedger) -> Operations:
    # multiplied before divided: a single rounding, and none where the fan-out is a whole number
    estimate = layer.input_events * layer.shape.multiply_accumulates / layer.shape.inputs
    return Operations(layer.layer, "accumulate", estimate)
