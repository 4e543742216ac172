"""A figure over its seeds as people read it: mean, and standard deviation where there are several seeds."""

from __future__ import annotations

from lavarobust.experiment.sweep.gather import SeedSpread


def percent(figure: SeedSpread) -> str:
    """Of a share, in percent."""
    return _with_spread(figure, f"{100 * figure.mean:.1f}", 100, ".1f")


def points(gain: SeedSpread) -> str:
    """Of a difference of shares, in points with their sign."""
    return _with_spread(gain, f"{100 * gain.mean:+.1f}", 100, ".1f")


def ratio(figure: SeedSpread) -> str:
    """Of how many times something is."""
    return _with_spread(figure, f"{figure.mean:.2f}", 1, ".2f")


def count(figure: SeedSpread) -> str:
    """Of a mean count, as a whole number."""
    return _with_spread(figure, f"{figure.mean:,.0f}", 1, ",.0f")


def nanojoule(picojoule: SeedSpread) -> str:
    """Of an energy in pJ, in nJ."""
    return _with_spread(picojoule, f"{picojoule.mean / 1000:,.1f}", 1e-3, ",.1f")


def _with_spread(figure: SeedSpread, mean: str, scale: float, form: str) -> str:
    return mean if figure.std is None else f"{mean} ± {scale * figure.std:{form}}"
