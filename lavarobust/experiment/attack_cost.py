"""What attacked images cost: spikes, synaptic operations and energy beside those of the clean images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lavarobust.attacks.audit import Found
from lavarobust.attacks.campaign import Target
from lavarobust.attacks.operations import (
    OperationsAscent,
    OperationsVictim,
    attack_operations,
    check_counted,
)
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Suite
from lavarobust.attacks.threat import Norm, ThreatModel
from lavarobust.attacks.verdict import FINAL_DRAWS
from lavarobust.dynamics import GradientRule
from lavarobust.energy import Profile, make_ledger
from lavarobust.errors import SettingsError
from lavarobust.execution import Backend
from lavarobust.experiment.bill import bills_of
from lavarobust.experiment.plan import Plan, execute
from lavarobust.netx.model import Model
from lavarobust.record import Record

CLEAN = "clean"
_COUNTS = ("spikes", "accumulates", "multiply_accumulates")


@dataclass(frozen=True)
class CostRow:
    """Means per image over one kind of images.

    Attributes:
        images: which.
        accuracy: share of correct predictions, 0..1.
        spikes: sent by all layers.
        accumulates, multiply_accumulates: synaptic operations of spikes and of payloads.
        energy_pj: by each price table's name, of what was executed, in pJ.
    """

    images: str
    accuracy: float
    spikes: float
    accumulates: float
    multiply_accumulates: float
    energy_pj: Mapping[str, float]

    @property
    def operations(self) -> float:
        """Synaptic operations of either kind."""
        return self.accumulates + self.multiply_accumulates


@dataclass(frozen=True)
class AttackCost:
    """What the clean and the attacked images of the same samples cost.

    Attributes:
        model: its name.
        backend: that executed and counted.
        samples: N, in every row.
        threat: the bound of every attack, in words.
        rows: the clean images first.
    """

    model: str
    backend: str
    samples: int
    threat: str
    rows: tuple[CostRow, ...]

    def times_clean(self, row: CostRow) -> dict[str, float | None]:
        """A row's counts and energies as multiples of the clean images'.

        None where the clean images have none.
        """
        figures, clean = (
            {**{count: getattr(each, count) for count in (*_COUNTS, "operations")}, **each.energy_pj}
            for each in (row, self.rows[0])
        )
        return {name: value / clean[name] if clean[name] else None for name, value in figures.items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        rows = [
            {**asdict(row), "operations": row.operations, "times_clean": self.times_clean(row)}
            for row in self.rows
        ]
        return asdict(self) | {"rows": rows}


def cost_of_images(
    model: Model,
    plan: Plan,
    samples: Samples,
    attacked: Mapping[str, np.ndarray],
    threat: str,
    engine: Backend,
    tables: Sequence[Profile],
    draw: int = 0,
) -> AttackCost:
    """Execute clean and attacked images and price what each kind took.

    Args:
        model, plan: what is executed, and how.
        samples: N clean images.
        attacked: by the attack's name, ``(N, C, H, W)`` images of the same samples.
        threat: of the attacks, in words.
        engine: executes and counts.
        tables: of prices, each for the rule ``executed``.
        draw: of encoder and gates.

    Raises:
        SettingsError: images that do not fit the model, or a table without a price for its operations.
        BackendError: the engine can't run the model.
    """
    rows = []
    for name, images in {CLEAN: samples.images, **attacked}.items():
        record = execute(engine, model, plan, images, samples.indices, draw=draw)
        rows.append(_row(name, record, samples.labels, model, tables))
    return AttackCost(model.name, engine.name, len(samples), threat, tuple(rows))


def cost_of_suite(
    target: Target,
    suite: Suite,
    samples: Samples,
    found: Found,
    threat: ThreatModel,
    engine: Backend,
    tables: Sequence[Profile],
    ascent: OperationsAscent = OperationsAscent(),  # noqa: B008 (it is frozen)
) -> AttackCost:
    """Cost of a suite's worst images, and of those that an attack on the cost itself finds.

    Both are executed with draws of encoder and gates that no attack has seen, where the model has any.

    Args:
        target, suite, samples, found, threat: what was attacked, how, and what was found.
        engine, tables: as :func:`cost_of_images` has them.
        ascent: of the synaptic operations, through the suite's own gradient rule.

    Raises:
        SettingsError: as :func:`check_priced` and :func:`cost_of_images`.
        BackendError: the engine can't run the model.
    """
    check_priced(threat.norm, suite.rule)
    deployment = target.deployment
    victim = OperationsVictim(target.model, deployment, suite.rule)
    costly = attack_operations(ascent, victim, samples.images, samples.indices, threat.epsilon)
    return cost_of_images(
        target.model,
        Plan(deployment.steps, deployment.encoding, deployment.readout),
        samples,
        {f"suite {suite.name}": found.images, ascent.name: costly.images},
        str(threat),
        engine,
        tables,
        FINAL_DRAWS,
    )


def check_priced(norm: Norm, rule: GradientRule) -> None:
    """Raises SettingsError for a threat other than a box, and for the rule ``Analog``."""
    if norm != "linf":
        raise SettingsError(
            f"the attack on synaptic operations searches a box, and the threat model is of {norm}. Give one "
            "of linf, or price the suite's images with cost_of_images"
        )
    check_counted(rule)


def _row(name: str, record: Record, labels: np.ndarray, model: Model, tables: Sequence[Profile]) -> CostRow:
    ledger = make_ledger(record, model)
    bills = bills_of(record, model, tables, ["executed"])
    return CostRow(
        name,
        float((record.prediction == labels).mean()),
        **{count: float(ledger.total(count).mean()) for count in _COUNTS},
        energy_pj={bill.profile: bill.total_pj.mean for bill in bills},
    )
