"""The folder that an evaluation is kept in: what it is of, and what every block of samples has come to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.attacks.campaign import ARRAYS, MemberCount, Standing, Target
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Suite
from lavarobust.attacks.victim import Queries
from lavarobust.errors import DataError, SettingsError
from lavarobust.experiment.plan import Plan
from lavarobust.files import atomic_write, make_folder, replacing

CLAIM_FILE = "benchmark.json"
FORMAT = 2
"""Raised where a standing comes to hold something else: from an older one no evaluation can go on."""


def claim(folder: Path, asked: dict[str, Any]) -> None:
    """Say in a folder what it is of, or refuse one of something else.

    Raises:
        SettingsError: it holds an evaluation of something else.
        WriteError: it can't be made or written.
    """
    make_folder(folder)
    file = folder / CLAIM_FILE
    if not file.is_file():
        atomic_write(file, (json.dumps(asked, indent=1) + "\n").encode())
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{file}: can't be read ({error}). Choose another folder.") from error
    different = sorted(name for name in asked if before.get(name) != asked[name])
    if different:
        raise SettingsError(
            f"{folder}: holds an evaluation with another {', '.join(different)}. Choose another folder, or "
            "remove this one."
        )


def description(
    target: Target, suite: Suite, samples: Samples, files: Sequence[Path], plan: Plan
) -> dict[str, Any]:
    """What makes two evaluations the same, but for their threat models, which have files of their own."""
    pixels = hashlib.sha256()
    for array in (samples.images, samples.labels, samples.indices):
        pixels.update(array.tobytes())
    return {
        "format": FORMAT,
        "models": [hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files],
        "plan": repr((plan.steps, plan.encoding, plan.readout)),
        "images": pixels.hexdigest()[:16],
        "suite": [member.name for member in suite.members],
        "seed": target.seed,
        "draws": [target.expectation, target.votes],
    }


def write_standing(path: Path, standing: Standing) -> None:
    """Write a standing; raises WriteError."""
    counts = [
        (
            each.attempted,
            each.fooled,
            each.gradients,
            each.zero_gradients,
            each.queries.forward,
            each.queries.backward,
        )
        for each in standing.members
    ]
    arrays = {name: getattr(standing, name) for name in ARRAYS}
    arrays["counts"] = np.array(counts, dtype=np.int64).reshape(-1, 6)
    arrays["seconds"] = np.array([each.seconds for each in standing.members], dtype=np.float64)
    with replacing(path) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **arrays)


def read_standing(path: Path, samples: int) -> Standing:
    """What :func:`write_standing` wrote of so many samples.

    Raises:
        DataError: a file that is no such thing.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in (*ARRAYS, "counts", "seconds")}
        if any(len(arrays[name]) != samples for name in ARRAYS) or arrays["counts"].shape[1:] != (6,):
            raise ValueError("arrays of other sizes")
        members = [
            MemberCount(one, two, three, four, Queries(forward, backward), seconds)
            for (one, two, three, four, forward, backward), seconds in zip(
                arrays["counts"].tolist(), arrays["seconds"].tolist(), strict=True
            )
        ]
        return Standing(**{name: arrays[name] for name in ARRAYS}, members=tuple(members))
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise DataError(
            f"{path}: no attack can go on from it ({error}). Remove the file, and its samples are attacked "
            "anew"
        ) from error
