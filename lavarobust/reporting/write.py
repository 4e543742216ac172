"""The ``report`` verb: evaluate what has not been, execute, and write one page as HTML, Markdown and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lavarobust.energy import load_profile
from lavarobust.errors import SettingsError
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import PlanChoice, command_words
from lavarobust.experiment.run_folder import RUNS, RunFolderError
from lavarobust.experiment.synthetic import check_replaces_images
from lavarobust.files import atomic_write, make_folder
from lavarobust.reporting.page.build import build_page, what_files_say
from lavarobust.reporting.page.html import html
from lavarobust.reporting.page.markdown import FILES, key_table, markdown
from lavarobust.reporting.page.measure import Progress, measure
from lavarobust.reporting.page.subject import Subject, check_named, find_subject
from lavarobust.reporting.tables import Table, accuracy_table, energy_table, work_table

HTML_FILE, MARKDOWN_FILE, JSON_FILE = "report.html", "report.md", "report.json"
LIMIT, ATTACKED = 1000, 100
PROFILES = (
    "horowitz_45nm_int8_int32",
    "horowitz_45nm_int32",
    "horowitz_45nm_fp32",
    "loihi1_davies2018",
    "loihi_sanafe",
    "loihi2",
)
"""Price tables of the page; the first that prices all its models makes the figures on top."""


@dataclass(frozen=True)
class ReportResult:
    """A written report.

    Attributes:
        html, markdown, json: the files; the first is the page.
        tables: what to print: key figures, and for runs what every stage of the road does.
        files: per model, the files that belong to it.
    """

    html: Path
    markdown: Path
    json: Path
    tables: tuple[Table, ...]
    files: tuple[Path, ...]


def report(
    runs: Sequence[str | Path],
    out: str | Path | None = None,
    progress: Callable[[str], None] = lambda text: None,
    *,
    images: DataChoice = DataChoice(limit=LIMIT),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    attacked: int = ATTACKED,
    epsilons: Sequence[float] = (),
    profiles: Sequence[str | Path] = PROFILES,
    steps: Progress | None = None,
    synthetic: float | None = None,
) -> ReportResult:
    """Report models side by side, exporting and evaluating runs that have not been.

    Args:
        runs: folders of finished runs, ``.net`` files, or names of models of the package.
        out: folder of the report; the run's own for one run, the runs' common parent for several, and
            ``runs/NAME-report`` for files.
        progress: told what begins.
        images, plan: of files that don't say; ``images.limit`` is how many are executed for counts.
        attacked: how many of those are attacked for the curve; 0 for none.
        epsilons: radii of the curve; empty for those of the recipe and others around them.
        profiles: price tables, by name or as a TOML file of one's own.
        steps: told how far an execution or attack is.
        synthetic: spikes per input and step, in place of images that nobody has.

    Raises:
        SettingsError: nothing named, or an impossible choice.
        RunFolderError: a folder that holds no finished run, or a damaged evaluation.
        ModelFileError, DataError: a file or images that can't be read or executed.
        WriteError: the report can't be written.
    """
    if not runs:
        raise SettingsError("report: name at least one run folder or .net file.")
    if synthetic is not None:
        check_replaces_images(synthetic, images)
    for run in runs:
        check_named(run)
    tables = tuple(load_profile(profile) for profile in profiles)
    target = Path(out) if out is not None else _folder(runs)
    make_folder(target)
    subjects = _told_apart([find_subject(run, images, plan, progress, synthetic) for run in runs])
    try:
        shown = _evaluation_tables(subjects)
        for subject in subjects:
            what_files_say(subject)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(
            f"an evaluation.json, card or .suite.json of {', '.join(map(str, runs))} is damaged or of "
            f"another version ({error!r}). Remove it, and what belongs to a run is made again"
        ) from error
    models = [measure(subject, attacked, epsilons, steps) for subject in subjects]
    usual = synthetic is None and images.limit == LIMIT  # of random spikes the verb draws fewer
    choices = command_words(replace(images, limit=None) if usual else images, plan)
    command = _command(runs, out, choices, attacked, epsilons, profiles, synthetic)
    page = build_page(models, tables, command)
    files = tuple(file for subject in subjects for file in _files(subject))
    listing = "\n".join(f"- `{os.path.relpath(file, target)}`" for file in files)
    written = ReportResult(
        html=target / HTML_FILE,
        markdown=target / MARKDOWN_FILE,
        json=target / JSON_FILE,
        tables=(key_table(page), *shown),
        files=files,
    )
    contents = {
        written.markdown: f"{markdown(page)}\n{FILES}\n{listing}\n",
        written.json: json.dumps(page.as_dict(), indent=1, allow_nan=False) + "\n",
        written.html: html(page),
    }
    for file, content in contents.items():
        atomic_write(file, content.encode())
    return written


def _evaluation_tables(subjects: Sequence[Subject]) -> tuple[Table, ...]:
    found = [subject.evaluation for subject in subjects if subject.evaluation]
    runs = [subject.evaluation for subject in subjects if subject.folder is not None]
    stages = tuple(table(found) for table in (accuracy_table, work_table)) if found else ()
    return (*stages, energy_table(runs)) if runs else stages


def _told_apart(subjects: list[Subject]) -> list[Subject]:
    """Subjects of the same name, such as seeds of one recipe, by their arguments too."""
    names = [subject.name for subject in subjects]
    return [
        subject
        if names.count(subject.name) == 1
        else replace(subject, name=f"{subject.name} ({Path(subject.argument).name})")
        for subject in subjects
    ]


def _files(subject: Subject) -> tuple[Path, ...]:
    if subject.folder is None:
        return (subject.file,)
    return tuple(subject.folder / name for name in (subject.file.name, "evaluation.json", "recipe.yaml"))


def _folder(runs: Sequence[str | Path]) -> Path:
    folders = [Path(run) for run in runs]
    if not all(folder.is_dir() for folder in folders):
        return RUNS / f"{folders[0].stem}-report"
    if len(folders) == 1:
        return folders[0]
    return Path(os.path.commonpath([folder.resolve().parent for folder in folders]))


def _command(
    runs: Sequence[str | Path],
    out: str | Path | None,
    choices: tuple[str, ...],
    attacked: int,
    epsilons: Sequence[float],
    profiles: Sequence[str | Path],
    synthetic: float | None,
) -> list[str]:
    """The command line that makes this page; what is usual is left out."""
    words = ["lavarobust", "report", *map(str, runs), *choices]
    if attacked != ATTACKED:
        words += ["--attacked", str(attacked)]
    for epsilon in epsilons:
        words += ["--epsilon", str(epsilon)]
    if synthetic is not None:
        words += ["--synthetic", str(synthetic)]
    if tuple(profiles) != PROFILES:
        words += [word for profile in profiles for word in ("--profile", str(profile))]
    return words if out is None else [*words, "--out", str(out)]
