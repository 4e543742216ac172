"""Energy with memory: E = E_mem + E_ops + E_addr (Lemaire et al., arXiv 2210.13107)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from lavarobust.energy.ledger import Ledger, Spread, spread
from lavarobust.energy.profiles import Evidence, MemoryPoint, Profile, Term, weakest
from lavarobust.energy.traffic import Kind, Traffic, spiking_traffic
from lavarobust.errors import SettingsError
from lavarobust.netx.limits import DECAY_UNITY
from lavarobust.netx.model import Model, Neuron

MODEL = "Lemaire et al. 2022"


@dataclass(frozen=True)
class MemoryBill:
    """Energy per sample with memory and addresses, in pJ.

    Attributes:
        what: the network that was counted, in a few words.
        profile: name of the price table.
        reads, writes: words, over samples.
        accesses_pj: by kind of access, mean over samples.
        operations_pj: of the operations on data.
        addressing_pj: of finding addresses.
        total_pj: all of it, over samples.
        weakest_evidence: among the prices used.
        beyond: layers with a memory larger than the largest that the table prices, and priced as that one:
            their part is a lower bound.
    """

    what: str
    profile: str
    reads: Spread
    writes: Spread
    accesses_pj: dict[Kind, float]
    operations_pj: float
    addressing_pj: float
    total_pj: Spread
    weakest_evidence: Evidence
    beyond: tuple[str, ...]

    @property
    def memory_pj(self) -> float:
        """Of all accesses."""
        return sum(self.accesses_pj.values())

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self) | {"memory_pj": self.memory_pj, "beyond": list(self.beyond)}


def access_pj(points: Sequence[MemoryPoint], capacity_bytes: int, bits: int) -> float:
    """pJ of an access of some bits to a memory of some size.

    Straight lines between the points and from nothing at no size, as Lemaire et al. have it; beyond the
    largest, its price. A point's price is that of its whole access, so that a bit costs its share.
    """
    sizes = [0, *(point.capacity_bytes for point in points)]
    prices = [0.0, *(point.value / point.access_bits for point in points)]
    return bits * float(np.interp(capacity_bytes, sizes, prices))


def memory_bill(
    what: str, traffic: Traffic, operations: tuple[np.ndarray, np.ndarray], profile: Profile
) -> MemoryBill:
    """Price accesses, operations on data and addresses.

    Args:
        what: the network, in a few words.
        operations: ``(N,)`` accumulates and multiply-accumulates.
        profile: with memory, and prices of both operations.

    Raises:
        SettingsError: it lacks one of them.
    """
    points = sorted(profile.memory, key=lambda point: point.capacity_bytes)
    terms: tuple[Term, ...] = ("accumulate", "multiply_accumulate")
    missing = [term for term in terms if term not in profile.prices] + ["memory"] * (not points)
    if missing:
        raise SettingsError(
            f"price table {profile.name} has no price for {missing[0]}, which the memory model of {MODEL} "
            "needs. Choose horowitz_45nm_int8_int32, or a table with [[memory]] points"
        )
    add, multiply = (profile.prices[term].value for term in terms)
    costs = {kind: np.zeros(len(operations[0])) for kind in get_args(Kind)}
    for access in traffic.accesses:
        costs[access.kind] = costs[access.kind] + access.count * access_pj(
            points, access.capacity_bytes, access.bits
        )
    data = operations[0] * add + operations[1] * multiply
    addresses = traffic.additions * add + traffic.multiplications * multiply
    grades = [profile.prices[term].evidence for term in terms] + [point.evidence for point in points]
    largest = points[-1].capacity_bytes
    return MemoryBill(
        what,
        profile.name,
        _words(traffic, "read"),
        _words(traffic, "write"),
        {kind: float(np.mean(cost)) for kind, cost in costs.items() if cost.any()},
        float(np.mean(data)),
        float(np.mean(addresses)),
        spread(sum(costs.values()) + data + addresses),
        weakest(grades),
        tuple(dict.fromkeys(access.layer for access in traffic.accesses if access.capacity_bytes > largest)),
    )


def spiking_memory_bill(ledger: Ledger, model: Model, profile: Profile) -> MemoryBill:
    """The memory model's energy of an execution, with a deployed model's weights and states.

    On data it takes an addition for each accumulate, graded addition, bias and soft reset, a
    multiply-accumulate for each payload, and one for each state that leaks in a step.

    Raises:
        SettingsError: see :func:`memory_bill`.
    """
    additions = (
        ledger.total("accumulates") + ledger.total("graded_additions") + ledger.total("bias_additions")
    )
    if ledger.soft_resets is not None:
        additions = additions + ledger.soft_resets
    products = ledger.total("multiply_accumulates") + _leaks(ledger, model)
    return memory_bill("spiking network", spiking_traffic(ledger, model), (additions, products), profile)


def _words(traffic: Traffic, way: str) -> Spread:
    """Words read or written per sample."""
    counts = [access.count for access in traffic.accesses if access.kind.startswith(way)]
    return spread(np.sum(counts, axis=0))


def _leaks(ledger: Ledger, model: Model) -> np.ndarray:
    """Multiplications of states by what a step leaves of them, where that is neither all nor nothing."""
    count = 0
    for layer, (_, population) in zip(ledger.layers, model.populations, strict=True):
        if isinstance(population.neuron, Neuron):
            for decay in (population.neuron.current_decay, population.neuron.voltage_decay):
                leaking = (np.asarray(decay) > 0) & (np.asarray(decay) < DECAY_UNITY)
                count += round(float(np.mean(leaking)) * layer.shape.neurons) * ledger.steps
    return np.full(ledger.samples, count, dtype=np.int64)
