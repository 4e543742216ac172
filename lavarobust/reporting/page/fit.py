"""How many cores and chips each layer takes."""

from __future__ import annotations

from collections.abc import Sequence

from lavarobust.energy import load_profile
from lavarobust.energy.fit import ASSUMPTIONS, fit
from lavarobust.reporting.page.document import Plain, Section, printable
from lavarobust.reporting.page.subject import Subject
from lavarobust.reporting.tables import Table

CHIPS = ("loihi1_davies2018", "loihi2")
"""Profiles whose limits a model is held against."""

_LIMITS = {
    "compartments_per_core": "compartments",
    "synaptic_memory_bytes_per_core": "synaptic memory",
    "fan_in_axons_per_core": "fan-in axons",
    "fan_out_axons_per_core": "fan-out axons",
}
_NOT_CHECKED = "-"


def fit_data(subject: Subject) -> Plain:
    """One model on each chip."""
    return {
        "name": subject.name,
        "chips": [fit(subject.model, load_profile(chip)).as_dict() for chip in CHIPS],
    }


def cores(data: Plain) -> str:
    """Cores on each chip, in words."""
    return ", ".join(_cores(chip["cores"]) for chip in data["chips"])


def fit_section(subjects: Sequence[Subject]) -> Section:
    """Cores and chips of every model, and what bounds each layer."""
    data = [fit_data(subject) for subject in subjects]
    whole = [
        (
            each["name"],
            chip["profile"],
            _cores(chip["cores"]),
            _cores(chip["chips"]),
            ", ".join(map(_limit, chip["unchecked"])) or "none",
        )
        for each in data
        for chip in each["chips"]
    ]
    notes = (
        "By one cut that keeps every limit; another may need fewer. Nothing is executed.",
        _sentence(ASSUMPTIONS),
    )
    tables = [
        Table("Cores and chips", ("model", "chip", "cores", "chips", "not checked"), tuple(whole), notes),
        *(_layers(each["name"], chip) for each in data for chip in each["chips"]),
    ]
    return Section("fit", "Fit on a chip", tuple(tables), data)


def _layers(name: str, chip: Plain) -> Table:
    rows = [
        (
            printable(layer["layer"]),
            ", ".join(map(_limit, layer["bound"])) or "one core holds it",
            *(
                _cores(layer["cores_by"][limit]) if limit in layer["cores_by"] else _NOT_CHECKED
                for limit in _LIMITS
            ),
            _cores(layer["cores"]),
        )
        for layer in chip["layers"]
    ]
    columns = ("layer", "bound by", *(f"by {limit}" for limit in _LIMITS.values()), "cores")
    return Table(f"Cores of {name} on {chip['profile']}", columns, tuple(rows))


def _limit(name: str) -> str:
    return _LIMITS.get(name, name.replace("_", " "))


def _cores(count: int | None) -> str:
    return "does not fit" if count is None else f"{count:,}"


def _sentence(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."
