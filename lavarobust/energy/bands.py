"""Where a spiking network lies on published bands of activity, outside which it is said not to pay.

Both come from models of hardware and not from measurements; they place a network, and price nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lavarobust.energy.ledger import Ledger, Spread, spread
from lavarobust.netx.fanout import fan_out, recurrent_fan_out
from lavarobust.netx.graph import branches
from lavarobust.netx.model import Dense, Input, Model, Neuron


@dataclass(frozen=True)
class Band:
    """A figure of an execution and the limits that a paper gives for it.

    Attributes:
        name: of the figure.
        value: over samples.
        low, high: below ``low`` a spiking network is said to win, above ``high`` to lose, and in between it
            depends.
        place: ``below``, ``inside`` or ``above``, by the mean.
        source: whose limits they are, and for what.
    """

    name: str
    value: Spread
    low: float
    high: float
    place: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self)


def bands(ledger: Ledger, model: Model) -> tuple[Band, ...]:
    """The bands that a network can be placed on.

    *Spikes per synapse and inference* are the synaptic operations of spikes, zero weights among them, over
    the synapses that spikes reach, borders exact (Dampfhoffer, Mesquida, Valentian & Anghel, IEEE TETCI 7(3),
    2023). The *mean spike rate* is spikes per neuron and step in all populations that spike but the last
    (Yan, Bai, Tang & Wong, arXiv 2409.08290).
    """
    found = []
    synapses = {name: count for name, count in synapse_counts(model).items() if count}
    spiking = [layer for layer in ledger.layers if layer.layer in synapses and not layer.graded_input]
    if spiking:
        operations = np.sum([layer.synops_dense for layer in spiking], axis=0)
        reached = sum(synapses[layer.layer] for layer in spiking)
        found.append(_band("spikes per synapse and inference", operations / reached, 0.15, 1.38, DAMPFHOFFER))
    populations = zip(ledger.layers[:-1], model.populations, strict=False)
    sending = [layer for layer, (_, population) in populations if isinstance(population.neuron, Neuron)]
    if sending:
        neurons = sum(layer.shape.neurons for layer in sending)
        sent = np.sum([layer.spikes for layer in sending], axis=0)
        found.append(_band("mean spike rate", sent / (neurons * ledger.steps), 0.057, 0.064, YAN))
    return tuple(found)


DAMPFHOFFER = (
    "Dampfhoffer et al. 2023: with memory accesses, spiking networks of IF neurons win below 0.15 to 1.38, "
    "by the ANN's dataflow; leaky neurons and synaptic currents move it down"
)
YAN = (
    "Yan et al., arXiv 2409.08290: against the quantised ANN of as much information, with data movement, "
    "below 5.7 % at T = 5 (version 4) or 6.4 % for T of 5 to 10 (versions 2 and 3)"
)


def synapse_counts(model: Model) -> dict[str, int]:
    """Synapses into each layer with neurons, zero weights among them and borders exact."""
    counts: dict[str, int] = {}
    shape = model.input_shape
    for index, layer in model.populations:
        count = 0
        if not isinstance(layer, Input):
            count += int(fan_out(layer, shape)[1].sum())
            for branch in branches(model, layer):
                source = model.populations[branch.source][1].shape
                count += int(fan_out(branch.synapse, source)[1].sum())
        if isinstance(layer, Dense) and layer.recurrent_weight is not None:
            count += int(recurrent_fan_out(layer)[1].sum())
        counts[model.layer_name(index)] = count
        shape = layer.shape
    return counts


def _band(name: str, values: np.ndarray, low: float, high: float, source: str) -> Band:
    value = spread(values)
    place = "below" if value.mean < low else "above" if value.mean > high else "inside"
    return Band(name, value, low, high, place, source)
