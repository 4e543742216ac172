"""Exact versions, and the commands that make the models and this page again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from lavarobust.experiment.publish import commands
from lavarobust.experiment.run_folder import versions
from lavarobust.reporting.page.document import Commands, Plain, Section, printable
from lavarobust.reporting.page.subject import Subject
from lavarobust.reporting.tables import Table

_UNKNOWN = "-"


def provenance_data(subject: Subject) -> Plain:
    """Versions at training and export, and the commands of the recipe."""
    lists = {} if subject.recipe is None else commands(subject.recipe, subject.file.stem)
    return {"name": subject.name, "versions": dict(subject.versions), "commands": lists}


def provenance_section(subjects: Sequence[Subject], command: Sequence[str]) -> Section:
    """A table of versions and lists of commands.

    Args:
        command: the words of the command line that makes this page.
    """
    data = [provenance_data(subject) for subject in subjects]
    now = versions()
    columns = [("this page", now)] + [
        (stage if len(data) == 1 else f"{each['name']}, {stage}", found)
        for each in data
        for stage, found in each["versions"].items()
    ]
    names = list(dict.fromkeys(name for _, found in columns for name in found))
    rows = [
        (printable(name), *(printable(found.get(name, _UNKNOWN)) for _, found in columns)) for name in names
    ]
    table = Table("Versions", ("", *(title for title, _ in columns)), tuple(rows), left=1 + len(columns))
    page = Commands("This page again", (shlex.join(command),))
    made = [
        Commands(f"{each['name']}: {title}", tuple(each["commands"][key]))
        for each in data
        for key, title in (
            ("make", "train, export and report again"),
            ("repeat", "execute the file again"),
        )
        if each["commands"]
    ]
    return Section(
        "provenance",
        "Versions and commands",
        (table, page, *made),
        {"page": {"versions": now, "command": shlex.join(command)}, "models": data},
    )
