"""Price what a deployed model executes: the ``energy`` verb."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lavarobust.energy import Bill, Ledger, Profile, applicable_rules, load_profile, make_ledger, price
from lavarobust.energy.bands import Band, bands
from lavarobust.energy.comparison import RuleCount, compare_rules
from lavarobust.energy.profiles import require_prices
from lavarobust.energy.rules import RULES, USUAL, find_rule
from lavarobust.energy.standing import Peer
from lavarobust.energy.traffic import Traffic, spiking_traffic
from lavarobust.errors import SettingsError
from lavarobust.execution import chosen_backend
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.peers import encoded, peers_of
from lavarobust.experiment.plan import execute
from lavarobust.experiment.run import PlanChoice, prepare
from lavarobust.experiment.synthetic import prepare_synthetic
from lavarobust.netx.model import Model
from lavarobust.record import Record, Stimulus

PROFILES = ("horowitz_45nm_fp32", "horowitz_45nm_int32")
ALL_RULES = "all"
"""Instead of a rule's name: every rule that holds for the model."""


@dataclass(frozen=True, eq=False)
class EnergyReport:
    """The bills of one execution.

    Attributes:
        record: the execution that was counted.
        bills: one per price table and rule.
        ledger: its exact counts.
        memory: the accesses to memory that these take.
        counts: synaptic operations by every counting rule, before any price.
        peers: the network beside ANNs of its shape, with a memory model.
        bands: its activity on published bands.
        left_out: why the quantised ANN is not among the peers; empty where it is.
        source: which images.
        assumptions: values that neither file nor caller gave.
    """

    record: Record
    bills: tuple[Bill, ...]
    ledger: Ledger
    memory: Traffic
    counts: tuple[RuleCount, ...]
    peers: tuple[Peer, ...]
    bands: tuple[Band, ...]
    left_out: str
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
            "ledger": self.ledger.as_dict(),
            "memory_accesses": self.memory.as_dict(),
            "counts": [asdict(count) for count in self.counts],
            "peers": [peer.as_dict() for peer in self.peers],
            "bands": [band.as_dict() for band in self.bands],
            "left_out": self.left_out,
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
    synthetic: float | None = None,
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
        synthetic: spikes per input and step, in place of images: of ``images`` only the limit counts then.
            They are those of its input population where a model has one.

    Raises:
        SettingsError: an unknown price table or rule, or a rule that does not hold for the model.
        ModelFileError, DataError, BackendError: as :func:`lavarobust.experiment.run.run`.
    """
    tables = price_tables(profiles)
    for rule in rules or ():
        if rule != ALL_RULES:
            find_rule(rule)
    executing = chosen_backend(backend, workers)
    if synthetic is None:
        prepared = prepare(path, images, plan)
    else:
        prepared = prepare_synthetic(path, synthetic, images, plan)
    model, part = prepared.model, prepared.chosen.images
    record = execute(executing, model, prepared.plan, part.images, part.indices)
    stimuli = encoded(prepared.plan, part.images, part.indices)
    labels = None if synthetic is not None else part.labels
    known = prepared.chosen.source, prepared.assumptions
    return _report(record, model, bills_of(record, model, tables, rules), stimuli, labels, *known)


def _report(
    record: Record,
    model: Model,
    bills: tuple[Bill, ...],
    stimuli: Iterable[Stimulus],
    labels: np.ndarray | None,
    source: str,
    assumptions: tuple[str, ...],
) -> EnergyReport:
    ledger = make_ledger(record, model)
    peers, left_out = peers_of(record, model, stimuli, labels)
    counted = ledger, spiking_traffic(ledger, model), compare_rules(ledger)
    placed = bands(ledger, model)
    return EnergyReport(record, bills, *counted, peers, placed, left_out, source, assumptions)
