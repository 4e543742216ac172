"""One image of a deployed model on SANA-FE: the ``sanafe`` verb."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavarobust.encoding import encode
from lavarobust.energy import load_profile
from lavarobust.energy.sanafe import (
    ASSUMPTIONS,
    SanafeExport,
    SanafeRun,
    export_sanafe,
    run_sanafe,
    write_sanafe,
)
from lavarobust.errors import SettingsError
from lavarobust.execution import backend
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice, prepare
from lavarobust.optional import MissingPackageError
from lavarobust.record import Record

PROFILE = "loihi_sanafe"


@dataclass(frozen=True, eq=False)
class SanafeReport:
    """An exported image, as the simulator executed it and as SANA-FE ran it.

    Attributes:
        files: architecture and network.
        export: their content, with the notes on it.
        record: the simulator's execution of the same image.
        run: SANA-FE's; None where it is not installed.
        missing: why there is none.
        profile: price table of the architecture.
        source: the images that it is one of.
        assumptions: values that neither file nor caller gave.
    """

    files: tuple[Path, Path]
    export: SanafeExport
    record: Record
    run: SanafeRun | None
    missing: str
    profile: str
    source: str
    assumptions: tuple[str, ...]

    @property
    def spikes(self) -> tuple[tuple[str, int, int | None], ...]:
        """Layer, the simulator's spikes, SANA-FE's."""
        return tuple(
            (layer.name, int(layer.spikes.sum()), None if self.run is None else self.run.spikes[group])
            for layer, group in zip(self.record.layers, self.export.groups, strict=True)
        )

    @property
    def differing(self) -> int | None:
        """Layers whose spikes SANA-FE counts otherwise; None where it did not run."""
        if self.run is None:
            return None
        return sum(executed != simulated for _, executed, simulated in self.spikes)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "model": self.record.model,
            "profile": self.profile,
            "images": self.source,
            "files": [str(path) for path in self.files],
            "cores": self.export.cores,
            "bias_operations": self.export.bias_operations,
            "layers": [
                {"layer": name, "simulator": executed, "sanafe": simulated}
                for name, executed, simulated in self.spikes
            ],
            "run": None if self.run is None else self.run.as_dict(),
            "missing": self.missing,
            "assumptions": [*self.assumptions, *ASSUMPTIONS, *self.export.notes],
        }


def sanafe(
    path: str | Path,
    folder: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    index: int = 0,
    profile: str | Path = PROFILE,
) -> SanafeReport:
    """Write an image on a model as SANA-FE's architecture and network, and run them where it is installed.

    Args:
        path: a ``.net`` file, or the name of a model of the package.
        folder: of the two files.
        images: which images.
        plan: T, encoding and readout, for files that don't say.
        index: which of the images, from 0.
        profile: price table of the architecture, one that has times.

    Raises:
        SettingsError: no such image, or a profile without times.
        BackendError: what SANA-FE can't express, named by layer.
        ModelFileError, DataError: as :func:`lavarobust.experiment.run.run`.
    """
    prepared = prepare(path, images, plan)
    part = prepared.chosen.images
    if not 0 <= index < part.samples:
        raise SettingsError(f"--index {index}: there are {part.samples} images, from 0 on.")
    one = slice(index, index + 1)
    stimulus = encode(prepared.plan.encoding, part.images[one], prepared.plan.steps, part.indices[one], 0)
    table = load_profile(profile)
    export = export_sanafe(prepared.model, stimulus, table)
    record = backend("simulator").run(prepared.model, stimulus, prepared.plan.readout)
    files = write_sanafe(export, folder)
    run, missing = None, ""
    try:
        run = run_sanafe(export, folder)
    except MissingPackageError as error:
        missing = str(error)
    return SanafeReport(
        files, export, record, run, missing, table.name, prepared.chosen.source, prepared.assumptions
    )
