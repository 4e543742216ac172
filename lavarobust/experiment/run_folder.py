"""The folder of a run: what it was asked, what it ran on, what it made."""

from __future__ import annotations

import fcntl
import json
import platform
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lavarobust
from lavarobust.compat.installation import version
from lavarobust.errors import LavarobustError
from lavarobust.experiment.loading import dump_recipe, load_recipe
from lavarobust.experiment.recipe import Recipe
from lavarobust.files import atomic_write, check_can_be_written, make_folder
from lavarobust.training.loop import CHECKPOINT_FILE, NETWORK_FILE, TENSORBOARD_FOLDER

RUNS = Path("runs")
RECIPE_FILE, VERSIONS_FILE = "recipe.yaml", "versions.json"
SPLIT_FILE, METRICS_FILE = "split.json", "metrics.json"
_TRAINED = (RECIPE_FILE, VERSIONS_FILE, SPLIT_FILE, METRICS_FILE, CHECKPOINT_FILE, NETWORK_FILE)
_MEASURED = ("evaluation.json", "report.html", "report.md", "report.json")
_DERIVED = ("model.net", "export.json", *_MEASURED)
_LOCK_FILE = ".lock"
ANALOG_FOLDER = "analog"
"""Of the network that a conversion starts from: its own checkpoint and weights."""

_PACKAGES = ("lavarobust", "numpy", "torch", "lava-nc", "lava-dl")


class RunFolderError(LavarobustError):
    """A run folder that is missing, taken, or of another recipe."""


@dataclass(frozen=True)
class RunFolder:
    """A run's files; the trained network's file is written last, so it marks a finished training."""

    path: Path

    @property
    def recipe_file(self) -> Path:
        return self.path / RECIPE_FILE

    @property
    def network_file(self) -> Path:
        return self.path / NETWORK_FILE

    @property
    def checkpoint_file(self) -> Path:
        return self.path / CHECKPOINT_FILE

    @property
    def finished(self) -> bool:
        """Whether training came to its end."""
        return self.network_file.is_file()

    def check_finished(self) -> None:
        """Raises RunFolderError where there is no run, or one whose training is not finished."""
        if not self.recipe_file.is_file():
            raise RunFolderError(f"{self.path}: holds no run ({RECIPE_FILE} is missing). Name a run's folder")
        if not self.finished:
            raise RunFolderError(
                f"{self.path}: its training is not finished. Go on with it: --resume (resume=True)"
            )

    def recipe(self) -> Recipe:
        """The resolved recipe of the run.

        Raises:
            RunFolderError: the folder holds no run.
            SettingsError: its recipe is damaged.
        """
        if not self.recipe_file.is_file():
            raise RunFolderError(f"{self.path}: holds no run ({RECIPE_FILE} is missing). Name a run's folder")
        return load_recipe(self.recipe_file)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no other process is here; the folder is made where it is missing.

        The lock ends with its process, however that ends.

        Raises:
            WriteError: the folder can't be made or written.
        """
        make_folder(self.path)
        check_can_be_written(self.path / _LOCK_FILE)
        with open(self.path / _LOCK_FILE, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def forget_evaluation(self) -> None:
        """Remove what was measured on a model that is about to be replaced."""
        for name in _MEASURED:
            (self.path / name).unlink(missing_ok=True)

    def write_json(self, name: str, content: Any) -> None:
        """Write plain data as readable JSON."""
        atomic_write(self.path / name, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())

    def read_json(self, name: str) -> Any:
        """Read it back; raises RunFolderError if it is missing or damaged."""
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.path / name}: can't be read ({error}). Train again") from error


def open_run(
    recipe: Recipe, path: str | Path | None = None, *, resume: bool = False, force: bool = False
) -> RunFolder:
    """The folder for a run of a recipe, holding the recipe and the versions it runs on.

    Args:
        path: None for ``runs/<name>-<seed>``.
        resume: an unfinished or finished run of the same recipe may be there already.
        force: remove what a run left there.

    Raises:
        RunFolderError: the folder holds a run (and neither is given), something that is no run, or a
            run of another recipe.
        WriteError: it can't be written.
    """
    folder = RunFolder(Path(path) if path is not None else RUNS / f"{recipe.name}-{recipe.seed}")
    if folder.recipe_file.is_file():
        if force:
            _clear(folder.path)
        elif resume:
            _check_same(folder.recipe(), recipe, folder)
            return folder
        else:
            state = "a finished" if folder.finished else "an unfinished"
            raise RunFolderError(
                f"{folder.path}: holds {state} run. Give --resume to go on with it (resume=True in Python), "
                "--force to overwrite it, or another folder"
            )
    elif folder.path.exists() and not _just_begun(folder.path):
        raise RunFolderError(f"{folder.path}: is there already and holds no run. Choose another folder")
    make_folder(folder.path)
    folder.write_json(VERSIONS_FILE, versions())
    atomic_write(folder.recipe_file, dump_recipe(recipe).encode())
    return folder


def versions() -> dict[str, str]:
    """What a result depends on besides its recipe; ``commit`` where the package runs from a checkout."""
    found = {"python": platform.python_version()}
    found.update({name: version(name) or "not installed" for name in _PACKAGES})
    checkout = Path(lavarobust.__file__).resolve().parents[1]
    if (checkout / ".git").exists():
        git = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        try:
            answer = subprocess.run(git, capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            return found
        found["commit"] = answer.stdout.strip()
    return found


def _just_begun(path: Path) -> bool:
    """Whether nothing is there but what a run that was killed at once left: its recipe is written last."""
    names = (VERSIONS_FILE, _LOCK_FILE, f".{VERSIONS_FILE}.*.part", f".{RECIPE_FILE}.*.part")
    return path.is_dir() and all(any(map(file.match, names)) for file in path.iterdir())


def _clear(path: Path) -> None:
    """Remove what a run writes, and nothing else; the recipe last, as it marks the folder as a run's."""
    for name in (*_DERIVED, *reversed(_TRAINED)):
        (path / name).unlink(missing_ok=True)
    for folder in (TENSORBOARD_FOLDER, ANALOG_FOLDER):
        shutil.rmtree(path / folder, ignore_errors=True)


def _check_same(there: Recipe, asked: Recipe, folder: RunFolder) -> None:
    difference = _first_difference(there.model_dump(mode="json"), asked.model_dump(mode="json"))
    if difference is not None:
        place, old, new = difference
        raise RunFolderError(
            f"{folder.path}: was begun with {place} = {old!r}, and {new!r} is asked for now. "
            "Go on with the same recipe, or choose another folder"
        )


def _first_difference(old: Any, new: Any, place: str = "") -> tuple[str, Any, Any] | None:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            inner = f"{place}.{key}" if place else key
            if (found := _first_difference(old.get(key), new.get(key), inner)) is not None:
                return found
        return None
    return None if old == new else (place, old, new)
