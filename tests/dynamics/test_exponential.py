"""Powers of e against numpy's in float64."""

from __future__ import annotations

import numpy as np

from lavarobust.dynamics.compiled import unmanaged
from lavarobust.dynamics.exponential import exponentiate


@unmanaged
def _exponentiate(numbers):
    exponentiate(numbers)


def test_right_to_the_last_bits() -> None:
    exponents = -np.concatenate([np.linspace(0, 87, 100_001), np.logspace(-9, 1, 10_001)]).astype(np.float32)
    exact, powers = np.exp(exponents.astype(np.float64)), exponents.copy()
    _exponentiate(powers)
    assert (np.abs(powers - exact) / exact).max() < 1.2e-7
    assert powers[0] == 1


def test_what_leaves_the_type_is_nothing() -> None:
    powers = np.array([-87.01, -1e5, -np.inf], dtype=np.float32)
    _exponentiate(powers)
    assert (powers == 0).all()


def test_a_number_has_the_same_power_in_any_place() -> None:
    exponents = -np.random.default_rng(0).random(100, dtype=np.float32) * 20
    whole = exponents.copy()
    _exponentiate(whole)
    for length in range(1, 40):
        part = exponents[:length].copy()
        _exponentiate(part)
        assert part.tobytes() == whole[:length].tobytes()
