"""Figures as people read them."""

from __future__ import annotations

from lavarobust.experiment.robustness import Share

_UNITS = ((1e12, "J"), (1e9, "mJ"), (1e6, "µJ"), (1e3, "nJ"), (1.0, "pJ"))


def energy_unit(picojoule: float) -> tuple[float, str]:
    """How many pJ the largest unit has that leaves at least one of it, and its name."""
    return next((unit for unit in _UNITS if abs(picojoule) >= unit[0]), _UNITS[-1])


def energy(picojoule: float | None) -> str:
    """An energy given in pJ, in the unit that suits it; None is one without a price."""
    if picojoule is None:
        return "no price"
    size, unit = energy_unit(picojoule)
    return f"{picojoule / size:,.3g} {unit}" if picojoule / size < 1000 else f"{picojoule / size:,.0f} {unit}"


def share(counted: Share) -> str:
    """A share in percent."""
    return f"{100 * counted.value:.1f} %"


def interval(counted: Share) -> str:
    """Its 95 % confidence interval (Wilson) in percent."""
    low, high = counted.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def number(value: float) -> str:
    """A count or a mean of counts: whole from 100 on, else with what can be told of it."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"


def size(count: int) -> str:
    """Bytes as a file manager shows them."""
    return f"{count:,} bytes" if count < 1 << 10 else f"{count / 1024:,.0f} KiB"
