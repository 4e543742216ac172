"""What a report is about: a run's folder or a deployed model's file, with all that lies beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lavarobust.data import Images
from lavarobust.errors import ModelFileError, SettingsError
from lavarobust.experiment.evaluate import EVALUATION_FILE, evaluate_run
from lavarobust.experiment.export import MODEL_FILE, export
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.loading import resolve_recipe
from lavarobust.experiment.plan import Plan
from lavarobust.experiment.recipe import Recipe
from lavarobust.experiment.run import PlanChoice, Prepared, command_words, prepare
from lavarobust.experiment.run_folder import SPLIT_FILE, VERSIONS_FILE, RunFolder, RunFolderError
from lavarobust.experiment.shipped import SUFFIX, model_path, shipped_models
from lavarobust.experiment.synthetic import prepare_synthetic
from lavarobust.netx.model import Model
from lavarobust.reporting.page.document import Plain, printable

SUITE_SUFFIX = ".suite.json"
"""Of the result of a suite of attacks, beside the model's file and named like it."""

_LARGEST = 1 << 26


@dataclass(frozen=True, eq=False)
class Subject:
    """One deployed model and what is known of it.

    Attributes:
        name: for headings.
        file: the ``.net`` file.
        argument: how a command line names it.
        words: what that has to say of images and plan as well.
        folder: of its run; None for a file alone.
        sha256, size: of the file; the size in bytes.
        model, plan: what is executed, and how; the model without the folder in its name.
        images: what it is executed on.
        labelled: whether those have labels; synthetic spikes have none.
        source: which images those are, in words.
        recipe: what it was made with; None where the file says nothing that is understood.
        split: of its data set; empty where unknown.
        evaluation: every stage's accuracy, as ``Evaluation.as_dict`` gives it; empty where there is none.
        suite: what a suite of attacks left, as ``BenchmarkReport.as_dict`` gives it; empty where none is.
        versions: of the packages at training and export; empty where unknown.
        assumptions: values that neither file nor caller gave, and files that were left out.
    """

    name: str
    file: Path
    argument: str
    words: tuple[str, ...]
    folder: Path | None
    sha256: str
    size: int
    model: Model
    plan: Plan
    images: Images
    labelled: bool
    source: str
    recipe: Recipe | None
    split: Plain
    evaluation: Plain
    suite: Plain
    versions: Plain
    assumptions: tuple[str, ...]


def check_named(argument: str | Path) -> None:
    """Refuse what is neither a finished run nor a file; raises RunFolderError."""
    if not _is_file(argument):
        RunFolder(Path(argument)).check_finished()


def find_subject(
    argument: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    progress: Callable[[str], None] = lambda text: None,
    synthetic: float | None = None,
) -> Subject:
    """A run, exported and evaluated where that has not been done, or a file.

    Args:
        argument: a run's folder, a ``.net`` file, or the name of a model of the package.
        images, plan: for files that don't say; a run says both.
        progress: told what begins.
        synthetic: spikes per input and step in place of images.

    Raises:
        RunFolderError: no run, an unfinished one, or a damaged evaluation.
        ModelFileError, DataError, SettingsError: as :func:`lavarobust.experiment.run.prepare`.
    """
    words = command_words(images, plan)
    if _is_file(argument):
        file = model_path(argument)
        prepared = _prepared(file, images, plan, synthetic)
        return _subject(str(argument), words, file, None, prepared, _card(file))
    run = RunFolder(Path(argument))
    run.check_finished()
    if not (run.path / MODEL_FILE).is_file():
        progress(f"exporting {run.path}")
        export(run.path)
    if not (run.path / EVALUATION_FILE).is_file():
        evaluate_run(run.path, report=progress)
    evaluation = run.read_json(EVALUATION_FILE)
    if not isinstance(evaluation, dict) or not evaluation:
        raise RunFolderError(
            f"{run.path / EVALUATION_FILE}: is damaged. Remove it, and the report makes it again"
        )
    known = {
        "name": run.recipe().name,
        "evaluation": evaluation,
        "data": run.read_json(SPLIT_FILE),
        "versions": {"training": run.read_json(VERSIONS_FILE)},
    }
    file = run.path / MODEL_FILE
    prepared = _prepared(file, images, plan, synthetic)
    return _subject(str(argument), words, file, run.path, prepared, known)


def _is_file(argument: str | Path) -> bool:
    path = Path(argument)
    return path.is_file() or (not path.exists() and (path.suffix == SUFFIX or str(path) in shipped_models()))


def _prepared(file: Path, images: DataChoice, choice: PlanChoice, synthetic: float | None) -> Prepared:
    if synthetic is None:
        return prepare(file, images, choice)
    return prepare_synthetic(file, synthetic, images, choice)


def _subject(
    argument: str,
    words: tuple[str, ...],
    file: Path,
    folder: Path | None,
    prepared: Prepared,
    known: Plain,
) -> Subject:
    content = file.read_bytes()
    deployment = prepared.model.deployment
    versions = {key: value for key, value in dict(known.get("versions", {})).items() if value}
    if deployment is not None and deployment.versions:
        versions.setdefault("export", dict(deployment.versions))
    sha256 = hashlib.sha256(content).hexdigest()
    suite, left_out = _suite(file, sha256)
    return Subject(
        name=printable(known.get("name") or file.stem),
        file=file,
        argument=argument,
        words=words,
        folder=folder,
        sha256=sha256,
        size=len(content),
        model=replace(prepared.model, name=file.name),
        plan=prepared.plan,
        images=prepared.chosen.images,
        labelled=bool((prepared.chosen.images.labels >= 0).all()),
        source=printable(prepared.chosen.source),
        recipe=_recipe(prepared.model),
        split=known.get("data", {}),
        evaluation=known.get("evaluation", {}),
        suite=suite,
        versions=versions,
        assumptions=(*prepared.assumptions, *left_out),
    )


def _recipe(model: Model) -> Recipe | None:
    if model.deployment is None or not model.deployment.recipe:
        return None
    try:
        return resolve_recipe(dict(model.deployment.recipe), model.name)
    except SettingsError:
        return None


def _card(file: Path) -> Plain:
    """The card beside a published model; nothing where there is none of this very file."""
    card = _json(file.with_suffix(".json"))
    try:
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ModelFileError(str(file), f"can't be read ({error.strerror})", "Name a .net file") from error
    return card if card.get("sha256") == sha256 else {}


def _suite(file: Path, sha256: str) -> tuple[Plain, tuple[str, ...]]:
    where = file.with_name(file.stem + SUITE_SUFFIX)
    suite = _json(where)
    if not suite:
        return {}, ()
    if suite.get("sha256") != sha256:
        return {}, (f"{where.name} is of another model file, and left out; attack this one anew",)
    return suite, ()


def _json(path: Path) -> dict[str, Any]:
    """A file's mapping; nothing where it is missing or something else."""
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
