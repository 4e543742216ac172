"""The ``report`` verb: evaluate what has not been, and write tables as Markdown and JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lavarobust.errors import SettingsError
from lavarobust.experiment.evaluate import EVALUATION_FILE, evaluate_run
from lavarobust.experiment.export import MODEL_FILE, export
from lavarobust.experiment.run_folder import RunFolder, RunFolderError
from lavarobust.files import atomic_write, make_folder
from lavarobust.reporting.tables import Table, accuracy_table, energy_table, work_table

MARKDOWN_FILE, JSON_FILE = "report.md", "report.json"


@dataclass(frozen=True)
class ReportResult:
    """A written report.

    Attributes:
        markdown, json: the files.
        tables: what they hold, to print.
        files: per run, the files that belong to it.
    """

    markdown: Path
    json: Path
    tables: tuple[Table, ...]
    files: tuple[Path, ...]


def report(
    folders: Sequence[str | Path],
    out: str | Path | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> ReportResult:
    """Report runs side by side, exporting and evaluating those that have not been.

    Args:
        folders: finished runs.
        out: folder of the report; the run's own for one run, else the runs' common parent.
        progress: told what begins.

    Raises:
        SettingsError: no run named.
        RunFolderError: a folder that holds no finished run, or a damaged evaluation.
        WriteError: the report can't be written.
    """
    if not folders:
        raise SettingsError("report: name at least one run folder.")
    for folder in folders:
        RunFolder(Path(folder)).check_finished()
    target = Path(out) if out is not None else _common_folder([Path(folder) for folder in folders])
    make_folder(target)
    evaluations = [_evaluation(Path(folder), progress) for folder in folders]
    try:
        tables = (accuracy_table(evaluations), work_table(evaluations), energy_table(evaluations))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RunFolderError(
            f"an {EVALUATION_FILE} of these runs is damaged or of another version ({error!r}). Remove it, "
            "and the report makes it again"
        ) from error
    files = tuple(
        Path(folder) / name for folder in folders for name in (MODEL_FILE, EVALUATION_FILE, "recipe.yaml")
    )
    text = "\n\n".join(table.markdown() for table in tables)
    listing = "\n".join(f"- `{_relative(file, target)}`" for file in files)
    markdown, plain = target / MARKDOWN_FILE, target / JSON_FILE
    atomic_write(markdown, f"# Report\n\n{text}\n\n### Files\n\n{listing}\n".encode())
    atomic_write(plain, (json.dumps({"runs": evaluations}, indent=2) + "\n").encode())
    return ReportResult(markdown, plain, tables, files)


def _evaluation(folder: Path, progress: Callable[[str], None]) -> dict[str, Any]:
    run = RunFolder(folder)
    if (folder / EVALUATION_FILE).is_file():
        plain: dict[str, Any] = run.read_json(EVALUATION_FILE)
        return plain
    if not (folder / MODEL_FILE).is_file():
        progress(f"exporting {folder}")
        export(folder)
    return evaluate_run(folder, report=progress).as_dict()


def _common_folder(folders: list[Path]) -> Path:
    if len(folders) == 1:
        return folders[0]
    return Path(os.path.commonpath([folder.resolve().parent for folder in folders]))


def _relative(file: Path, target: Path) -> str:
    return os.path.relpath(file, target)
