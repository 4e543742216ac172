"""Loihi 1 as an architecture file of SANA-FE: its units, what they cost and how long they take.

SANA-FE (Boyle et al., IEEE TCAD 44(8), 2025) simulates messages on a mesh of cores. Energies of operations
come from a price table; what no table here holds, times and the mesh, from the source that the table is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lavarobust.energy.profiles import Connection, Profile, Term
from lavarobust.errors import SettingsError

TILES_PER_ROW, TILE_ROWS, CORES_PER_TILE = 8, 4, 4
"""SANA-FE's ``sanafe/examples/loihi.yaml``: 128 cores."""

LINK_BUFFER = 16
"""Messages that a link of the mesh holds (the same file)."""


@dataclass(frozen=True)
class Fabric:
    """Times in ns, and energies of the mesh in pJ.

    Attributes:
        synapse: time of a synaptic operation of each kind of layer.
        access, update: time of every neuron in every step, and beyond it of an active one.
        spike: time to send one.
        message_in, message_out: time of a message at the core that hears a spike, and at the one that sends.
        message: energy of a message beside its hops.
        east_west, north_south: energy and time of a hop.
        barrier: tiles in use to the time at which all agree that a step is over.
    """

    synapse: Mapping[Connection, float]
    access: float
    update: float
    spike: float
    message_in: float
    message_out: float
    message: float
    east_west: tuple[float, float]
    north_south: tuple[float, float]
    barrier: Mapping[int, float]


FABRICS: Mapping[str, Fabric] = {
    # Davies et al., IEEE Micro 38(1), 2018, Table 2, pre-silicon; a message is its within-tile spike
    "loihi1_davies2018": Fabric(
        synapse={"dense": 3.5, "conv": 3.5},
        access=5.3,
        update=8.4 - 5.3,
        spike=0.0,
        message_in=0.0,
        message_out=2.1,
        message=1.7,
        east_west=(3.0, 4.1),
        north_south=(4.0, 6.5),
        barrier={1: 113.0, 32: 465.0},
    ),
    # SANA-FE 2.2.9, sanafe/examples/loihi.yaml
    "loihi_sanafe": Fabric(
        synapse={"dense": 3.8, "conv": 3.1},
        access=6.0,
        update=3.7,
        spike=30.0,
        message_in=16.0,
        message_out=5.1,
        message=111.0,
        east_west=(3.0, 4.1),
        north_south=(4.2, 6.5),
        barrier={1: 600.0, 2: 1000.0, 4: 1400.0, 29: 1800.0},
    ),
}
"""By the price table of the same source."""


def fabric_of(profile: Profile) -> Fabric:
    """The times that belong to a price table.

    Raises:
        SettingsError: none are published for it.
    """
    if profile.name not in FABRICS:
        raise SettingsError(
            f"profile {profile.name}: no times of a mesh are known for it, which SANA-FE needs. "
            f"Choose one of: {', '.join(FABRICS)}"
        )
    return FABRICS[profile.name]


def tile_rows(cores: int) -> int:
    """Rows of tiles that hold so many cores: a chip's, or more where they don't suffice."""
    return max(TILE_ROWS, -(-cores // (TILES_PER_ROW * CORES_PER_TILE)))


def architecture(profile: Profile, cores: int, sources: int, neurons: int) -> str:
    """The architecture as YAML.

    Args:
        profile: one of :data:`FABRICS`.
        cores: that the network takes; more than a chip's become one larger mesh.
        sources: units for neurons that fire when they are told to, on each core; they cost nothing.
        neurons: most on one core, sources among them.

    Raises:
        SettingsError: no times are known for the profile.
    """
    fabric = fabric_of(profile)
    rows = tile_rows(cores)
    idle, active = _price(profile, "idle_update"), _price(profile, "active_update")
    barrier = ", ".join(f"{tiles}: {time}e-9" for tiles, time in fabric.barrier.items())
    east_west, north_south = _hop(*fabric.east_west), _hop(*fabric.north_south)
    hops = [_hop_of(name, *east_west) for name in ("east", "west")]
    hops += [_hop_of(name, *north_south) for name in ("north", "south")]
    synapses = "\n".join(
        _unit(
            kind,
            12,
            model="current_based",
            **_cost("process_spike", _price(profile, "accumulate", kind), time),
        )
        for kind, time in fabric.synapse.items()
    )
    lif = _unit(
        "lif",
        12,
        model="leaky_integrate_fire",
        **_cost("access_neuron", idle, fabric.access),
        **_cost("update_neuron", active - idle, fabric.update),
        **_cost("spike_out", _price(profile, "spike"), fabric.spike),
    )
    free = {**_cost("access_neuron", 0, 0), **_cost("update_neuron", 0, 0), **_cost("spike_out", 0, 0)}
    return f"""\
# {profile.title}
# Energies of operations: profile {profile.name}; times and the mesh: the same source.
architecture:
  name: {profile.name}
  attributes:
    topology: mesh
    width: {TILES_PER_ROW}
    height: {rows}
    link_buffer_size: {LINK_BUFFER}
    sync_model: table
    latency_sync: {{{barrier}}}
  tile:
    - name: tile[0..{TILES_PER_ROW * rows - 1}]
      attributes: {{{", ".join(hops)}}}
      core:
        - name: core[0..{CORES_PER_TILE - 1}]
          attributes: {{buffer_position: soma, buffer_inside_unit: false, max_neurons_supported: {neurons}}}
          axon_in:
{_unit("axon_in", 12, **_cost("message_in", 0, fabric.message_in))}
          synapse:
{synapses}
          dendrite:
{_unit("dendrite", 12, model="accumulator", **_cost("update", 0, 0))}
          soma:
{lif}
{_unit(f"source[0..{sources - 1}]", 12, model="input", **free)}
          axon_out:
{_unit("axon_out", 12, **_cost("message_out", fabric.message, fabric.message_out))}
"""


def _price(profile: Profile, term: Term, connection: Connection | None = None) -> float:
    """In pJ; 0 where the table has none, as SANA-FE knows no other way."""
    price = profile.price(term, connection)
    return 0.0 if price is None else price.value


def _cost(event: str, energy: float, time: float) -> dict[str, str]:
    return {f"energy_{event}": f"{energy:.6g}e-12", f"latency_{event}": f"{time:.6g}e-9"}


def _hop(energy: float, time: float) -> tuple[str, str]:
    return f"{energy:.6g}e-12", f"{time:.6g}e-9"


def _hop_of(name: str, energy: str, time: str) -> str:
    return f"energy_{name}_hop: {energy}, latency_{name}_hop: {time}"


def _unit(name: str, indent: int, **attributes: str) -> str:
    listed = ", ".join(f"{key}: {value}" for key, value in attributes.items())
    return f"{' ' * indent}- name: {name}\n{' ' * indent}  attributes: {{{listed}}}"
