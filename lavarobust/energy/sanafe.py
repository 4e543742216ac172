"""A model on SANA-FE, whose model of a mesh of cores gives latency and the energy of messages.

SANA-FE is licensed under the GPL and optional: it is imported where it runs, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lavarobust.energy.fit import fit
from lavarobust.energy.profile_files import load_profile
from lavarobust.energy.profiles import Profile
from lavarobust.energy.sanafe_architecture import architecture
from lavarobust.energy.sanafe_network import mapped_network
from lavarobust.files import atomic_write, make_folder
from lavarobust.netx.model import Model
from lavarobust.optional import optional_module
from lavarobust.record import Stimulus

ARCHITECTURE_FILE, NETWORK_FILE = "architecture.yaml", "network.yaml"
LIMITS_PROFILE = "loihi1_davies2018"

ASSUMPTIONS = (
    "cores of Loihi 1, one layer to a core; more than one chip would be one larger mesh",
    "the image's spikes come from cores of their own, whose neurons cost nothing and whose messages do",
    "a bias is a synaptic operation in each step, and so is the drive of an image that is sent once, whose "
    "own multiply-accumulates are the host's",
    "states do not wrap or clip at 24 bits",
)
"""How the exported network differs from the executed one in what it costs."""


@dataclass(frozen=True)
class SanafeExport:
    """A sample of a model in SANA-FE's input format.

    Attributes:
        architecture, network: the content of the two files.
        groups: SANA-FE's name of each population, in order.
        steps: that the run takes: T, and one for each population that the sample passes.
        window: T.
        cores: in use.
        bias_operations: synaptic operations that stand for biases.
        notes: where spikes may differ from the executed ones.
    """

    architecture: str
    network: str
    groups: tuple[str, ...]
    steps: int
    window: int
    cores: int
    bias_operations: int
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SanafeRun:
    """What SANA-FE says of a sample.

    Attributes:
        spikes: by population, those of its window.
        synaptic_operations: of the whole run, biases' among them.
        messages: between cores.
        energy_pj: by ``synapse``, ``dendrite``, ``soma``, ``network`` and ``total``.
        latency_s: simulated time of the whole run.
        steps: of the run.
    """

    spikes: Mapping[str, int]
    synaptic_operations: int
    messages: int
    energy_pj: Mapping[str, float]
    latency_s: float
    steps: int

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self)


def export_sanafe(model: Model, stimulus: Stimulus, profile: Profile) -> SanafeExport:
    """The first sample of a stimulus on a model, mapped onto the cores of Loihi 1.

    Raises:
        BackendError: what SANA-FE can't express, named by layer.
        SettingsError: a profile for which no times are known.
    """
    mapped = mapped_network(model, stimulus, fit(model, load_profile(LIMITS_PROFILE)))
    return SanafeExport(
        architecture(profile, mapped.cores, mapped.sources, mapped.neurons),
        mapped.text,
        mapped.groups,
        stimulus.steps + len(mapped.groups),
        stimulus.steps,
        mapped.cores,
        mapped.bias_operations,
        mapped.notes,
    )


def write_sanafe(export: SanafeExport, folder: str | Path) -> tuple[Path, Path]:
    """Write the architecture and the network into a folder, and say where; raises WriteError."""
    make_folder(folder)
    paths = Path(folder) / ARCHITECTURE_FILE, Path(folder) / NETWORK_FILE
    for path, text in zip(paths, (export.architecture, export.network), strict=True):
        atomic_write(path, text.encode())
    return paths


def run_sanafe(export: SanafeExport, folder: str | Path) -> SanafeRun:
    """Run files that :func:`write_sanafe` wrote.

    Raises:
        MissingPackageError: SANA-FE is not installed.
    """
    sanafe = optional_module("sanafe", "sanafe")
    loaded = sanafe.load_arch(str(Path(folder) / ARCHITECTURE_FILE))
    network = sanafe.load_net(str(Path(folder) / NETWORK_FILE), loaded)
    chip = sanafe.SpikingChip(loaded)
    chip.load(network)
    result = chip.sim(export.steps, spike_trace=True)
    spikes = dict.fromkeys(export.groups, 0)
    for step, fired in enumerate(result["spike_trace"]):
        for address in fired:
            name = str(address).partition(".")[0]
            # a population works one step behind the one in front, and the input fires in the first
            if 0 <= step - 1 - export.groups.index(name) < export.window:
                spikes[name] += 1
    return SanafeRun(
        spikes,
        int(result["spikes"]),
        int(result["packets_sent"]),
        {part: energy * 1e12 for part, energy in result["energy"].items()},
        float(result["sim_time"]),
        int(result["timesteps_executed"]),
    )
