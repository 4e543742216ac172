"""The whole page of some models, from their executions."""

from __future__ import annotations

from collections.abc import Sequence

from lavarobust.energy import Profile
from lavarobust.reporting.page.activity import activity_section
from lavarobust.reporting.page.card import card_data, card_section
from lavarobust.reporting.page.document import Page, Plain
from lavarobust.reporting.page.energy import energy_section, main_bill
from lavarobust.reporting.page.fit import fit_section
from lavarobust.reporting.page.measure import Measured
from lavarobust.reporting.page.provenance import provenance_data, provenance_section
from lavarobust.reporting.page.robustness import robustness_section, suite_data
from lavarobust.reporting.page.rules import rules_section
from lavarobust.reporting.page.samples import samples_section
from lavarobust.reporting.page.standing import standing_section
from lavarobust.reporting.page.subject import Subject
from lavarobust.reporting.page.summary import key_figures


def build_page(models: Sequence[Measured], tables: Sequence[Profile], command: Sequence[str]) -> Page:
    """Every section of at least one model.

    Args:
        tables: of prices; the first that can price a model makes its figure.
        command: the words of the command line that makes the page.
    """
    subjects = [each.subject for each in models]
    robustness, costs = robustness_section(models), energy_section(models, tables)
    fits = fit_section(subjects)
    names = tuple(subject.name for subject in subjects)
    return Page(
        title=names[0] if len(names) == 1 else f"{len(names)} models side by side",
        lead=_lead(models),
        names=names,
        key_figures=tuple(map(key_figures, models, robustness.data, costs.data, fits.data)),
        sections=(
            card_section(subjects),
            robustness,
            costs,
            standing_section(models),
            rules_section(models, [_profile(each, tables) for each in costs.data]),
            activity_section(models),
            samples_section(models),
            fits,
            provenance_section(subjects, command),
        ),
    )


def _profile(costs: Plain, tables: Sequence[Profile]) -> Profile | None:
    """The price table of a model's figures."""
    bill = main_bill(costs)
    return None if bill is None else next(table for table in tables if table.name == bill["profile"])


def what_files_say(subject: Subject) -> tuple[Plain | None, ...]:
    """The parts of a page that come out of files beside the model.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: one of those files is something else.
    """
    return card_data(subject), suite_data(subject.suite), provenance_data(subject)


def _lead(models: Sequence[Measured]) -> str:
    sources = ", ".join(dict.fromkeys(each.subject.source for each in models))
    backends = ", ".join(dict.fromkeys(each.clean.backend for each in models))
    what = "A deployed spiking network" if len(models) == 1 else "Deployed spiking networks"
    return (
        f"{what}, executed as the chip's integers on the {backends} with images of {sources}. Every figure "
        "is counted on that execution; none comes from a float model."
    )
