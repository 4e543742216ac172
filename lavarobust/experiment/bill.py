"""Price what a deployed model executes: the ``energy`` verb."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lavarobust.energy import Bill, Profile, applicable_rules, load_profile, make_ledger, price
from lavarobust.energy.comparison import RuleCount, compare_rules
from lavarobust.energy.profiles import require_prices
from lavarobust.energy.rules import RULES, USUAL, find_rule
from lavarobust.errors import SettingsError
from lavarobust.execution import chosen_backend
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.plan import execute
from lavarobust.experiment.run import PlanChoice, prepare
from lavarobust.netx.model import Model
from lavarobust.record import Record

PROFILES = ("horowitz_45nm_fp32", "horowitz_45nm_int32")
ALL_RULES = "all"
"""Instead of a rule's name: every rule that holds for the model."""


@dataclass(frozen=True, eq=False)
class EnergyReport:
    """The bills of one execution.

    Attributes:
        record: the execution that was counted.
        bills: one per price table and rule.
        counts: synaptic operations by every counting rule, before any price.
        source: which images.
        assumptions: values that neither file nor caller gave.
    """

    record: Record
    bills: tuple[Bill, ...]
    counts: tuple[RuleCount, ...]
    source: str
    assumptions: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "model": self.record.model,
            "backend": self.record.backend,
            "images": self.source,
            "samples": self.record.samples,
            "steps": self.record.steps,
            "bills": [bill.as_dict() for bill in self.bills],
            "counts": [asdict(count) for count in self.counts],
            "assumptions": list(self.assumptions),
        }


def price_tables(profiles: Sequence[str | Path] = PROFILES) -> tuple[Profile, ...]:
    """The price tables of those names and files.

    Raises:
        SettingsError: none named, or one that does not exist, breaks the schema or has no prices.
    """
    if not profiles:
        raise SettingsError("name at least one price table.")
    tables = tuple(load_profile(profile) for profile in profiles)
    for table in tables:
        require_prices(table)
    return tables


def bills_of(
    record: Record, model: Model, tables: Sequence[Profile], rules: Sequence[str] | None = None
) -> tuple[Bill, ...]:
    """One bill per price table and counting rule.

    Args:
        rules: by name, each once; None takes what holds of :data:`lavarobust.energy.rules.USUAL`, and ``all``
            among them what holds of every rule.
    """
    if rules is None or ALL_RULES in rules:
        chosen = applicable_rules(make_ledger(record, model), USUAL if rules is None else RULES)
    else:
        chosen = tuple(rules)
    return tuple(price(record, model, table, rule) for table in tables for rule in chosen)


def bill(
    path: str | Path,
    images: DataChoice = DataChoice(),  # noqa: B008
    plan: PlanChoice = PlanChoice(),  # noqa: B008
    *,
    profiles: Sequence[str | Path] = PROFILES,
    rules: Sequence[str] | None = None,
    backend: str = "simulator",
    workers: int = 1,
) -> EnergyReport:
    """Execute a ``.net`` file and price its exact counts, in pJ per sample.

    Args:
        path: a NetX file of ours or of lava-dl.
        images: which images; by default the test part of the data set that the file names.
        plan: T, encoding and readout, for files that don't say.
        profiles: price tables, by name or as a TOML file of one's own.
        rules: counting rules, see :func:`bills_of`.
        backend: what executes and counts.
        workers: processes that the lava backend divides the images among.

    Raises:
        SettingsError: an unknown price table or rule, or a rule that does not hold for the model.
        ModelFileError, DataError, BackendError: as :func:`lavarobust.experiment.run.run`.
    """
    tables = price_tables(profiles)
    for rule in rules or ():
        if rule != ALL_RULES:
            find_rule(rule)
    prepared = prepare(path, images, plan)
    part = prepared.chosen.images
    record = execute(
        chosen_backend(backend, workers), prepared.model, prepared.plan, part.images, part.indices
    )
    return EnergyReport(
        record,
        bills_of(record, prepared.model, tables, rules),
        compare_rules(make_ledger(record, prepared.model)),
        prepared.chosen.source,
        prepared.assumptions,
    )
