from __future__ import annotations

import pytest

from lavarobust.experiment.robustness import Share
from lavarobust.reporting.page.words import energy, interval, number, share, size


@pytest.mark.parametrize(
    ("picojoule", "said"),
    [
        (None, "no price"),
        (0.0, "0 pJ"),
        (0.5, "0.5 pJ"),
        (999.0, "999 pJ"),
        (58_700.0, "58.7 nJ"),
        (2.5e6, "2.5 µJ"),
        (1.234e10, "12.3 mJ"),
        (4e15, "4,000 J"),
    ],
)
def test_an_energy_takes_the_largest_unit_that_leaves_one(picojoule, said):
    assert energy(picojoule) == said


def test_shares_come_with_wilsons_interval():
    # 3 of 4: (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), z = 1.96
    assert (share(Share(3, 4)), interval(Share(3, 4))) == ("75.0 %", "30.1 to 95.4 %")


def test_counts_and_sizes():
    assert [number(value) for value in (0.0, 4.0, 32.625, 47_469.4)] == ["0", "4", "32.6", "47,469"]
    assert (size(12), size(72_686)) == ("12 bytes", "71 KiB")
