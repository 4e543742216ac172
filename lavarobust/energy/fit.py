"""How many cores and chips each layer of a model takes, by the limits of a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lavarobust.energy.cut import CORE_LIMITS, Cut, Limits, Outgoing, best_cut, excess, fewest_cores, make_cut
from lavarobust.energy.profiles import LimitName, Profile
from lavarobust.energy.sites import Site, sites_of
from lavarobust.errors import SettingsError
from lavarobust.netx.model import Model

ASSUMPTIONS = (
    "a core holds neurons of one layer only, as Lava's compiler places them",
    "a convolution stores its weights once in each core that holds a part of it, of 8 bits each; indices and "
    "what the chip keeps beside a weight are not counted",
    "through shared weights a core takes one fan-in axon for each position that it hears of, through others "
    "one for each neuron; a neuron takes one fan-out axon for each core that hears it",
    "the host sends the input, which takes no core",
)
"""What the figures rest on. They are of one cut that keeps every limit; another may need fewer cores."""


@dataclass(frozen=True)
class LayerFit:
    """What one population takes.

    Attributes:
        layer: its name; of relays, which hold a spike or value back one step, theirs.
        neurons: compartments.
        weights: stored once.
        synapses: unrolled: one for each pair of joined neurons.
        cores_by: cores for each limit that the profile has, were it the only one; None where not even a
            core for each neuron suffices.
        cut: how it is cut; None where it can't be.
        excess: the limits that one neuron alone exceeds, with what it takes.
    """

    layer: str
    neurons: int
    weights: int
    synapses: int
    cores_by: Mapping[LimitName, int | None]
    cut: Cut | None
    excess: Mapping[LimitName, int]

    @property
    def cores(self) -> int | None:
        """None where a single neuron doesn't fit."""
        return None if self.cut is None else self.cut.cores

    @property
    def bound(self) -> tuple[LimitName, ...]:
        """The limits that ask for the most cores; empty where one core holds it all."""
        if self.cut is None:
            return tuple(self.excess)
        most = max((count or 0 for count in self.cores_by.values()), default=1)
        return tuple(name for name, count in self.cores_by.items() if count == most > 1)


@dataclass(frozen=True)
class Fit:
    """A model on a chip.

    Attributes:
        model: its name.
        profile: of the limits.
        layers: in order, relays in front of the layer they lead to.
        cores_per_chip: None where the profile doesn't say.
        unchecked: limits of a core that the profile lacks.
    """

    model: str
    profile: str
    layers: tuple[LayerFit, ...]
    cores_per_chip: int | None
    unchecked: tuple[LimitName, ...]

    @property
    def fits(self) -> bool:
        return all(layer.cut is not None for layer in self.layers)

    @property
    def cores(self) -> int | None:
        """Of all layers; None where one can't be placed."""
        counts = [layer.cores for layer in self.layers]
        return None if None in counts else sum(count or 0 for count in counts)

    @property
    def chips(self) -> int | None:
        """None where a layer can't be placed, or the profile lacks the cores of a chip."""
        if self.cores is None or self.cores_per_chip is None:
            return None
        return -(-self.cores // self.cores_per_chip)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "model": self.model,
            "profile": self.profile,
            "cores": self.cores,
            "chips": self.chips,
            "cores_per_chip": self.cores_per_chip,
            "unchecked": list(self.unchecked),
            "assumptions": list(ASSUMPTIONS),
            "layers": [_layer_dict(layer) for layer in self.layers],
        }


def fit(model: Model, profile: Profile) -> Fit:
    """Cores and chips for a model, by the limits that a profile has.

    Layers are cut from the last to the first, each into the fewest blocks, with the cuts of those behind it
    given. Nothing is executed.

    Raises:
        SettingsError: the profile has no limits.
        ModelFileError: a layer doesn't fit the output of the layer before it.
    """
    if not profile.limits:
        raise SettingsError(
            f"profile {profile.name} holds no limits of a chip. Choose one with a table such as "
            "[limits.compartments_per_core]: loihi1_davies2018 or loihi2"
        )
    limits = {name: limit.value for name, limit in profile.limits.items()}
    core_limits = {name: limits[name] for name in CORE_LIMITS if name in limits}
    sites = sites_of(model)
    layers: dict[int, LayerFit] = {}
    for position in reversed(range(len(sites))):
        outgoing = [
            (link, None if target == position else layers[target].cut)
            for target, site in enumerate(sites)
            for link in site.links
            if link.source == position and (target == position or layers[target].cut is not None)
        ]
        layers[position] = _layer_fit(sites[position], outgoing, core_limits)
    return Fit(
        model=model.name,
        profile=profile.name,
        layers=tuple(layers[position] for position in range(len(sites))),
        cores_per_chip=limits.get("cores_per_chip"),
        unchecked=tuple(name for name in CORE_LIMITS if name not in core_limits),
    )


def _layer_fit(site: Site, outgoing: Outgoing, limits: Limits) -> LayerFit:
    cut = best_cut(site, outgoing, limits)
    return LayerFit(
        layer=site.name,
        neurons=site.neurons,
        weights=site.weights,
        synapses=site.synapses,
        cores_by={name: fewest_cores(site, outgoing, {name: value}) for name, value in limits.items()},
        cut=cut,
        excess={} if cut else excess(make_cut(site, (1, 1, 1), outgoing), limits),
    )


def _layer_dict(layer: LayerFit) -> dict[str, Any]:
    return {
        "layer": layer.layer,
        "neurons": layer.neurons,
        "weights": layer.weights,
        "synapses": layer.synapses,
        "cores": layer.cores,
        "cores_by": dict(layer.cores_by),
        "bound": list(layer.bound),
        "block": None if layer.cut is None else list(layer.cut.block),
        "demand": None if layer.cut is None else dict(layer.cut.demand),
        "excess": dict(layer.excess),
    }
