"""The README's table of profiles is that of the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lavarobust.energy import available_profiles
from lavarobust.reporting.embed import EmbedError
from lavarobust.reporting.profile_table import profile_table, with_table

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_readme_shows_what_the_files_hold() -> None:
    assert with_table(README) == README, "python -m lavarobust.reporting.profile_table README.md"


def test_a_row_says_prices_evidence_and_scope() -> None:
    rows = {line.split("`")[1]: line for line in profile_table().splitlines()[2:]}
    assert set(rows) == set(available_profiles())
    assert "accumulate 35.5 (conv 24), active update 72.8" in rows["loihi_sanafe"]
    assert "| 28 nm, 0.55 V | accumulate 12.7 | measured | all-in |" in rows["odin_frenkel2019"]
    assert "| derived, unstated | per-term | memory |" in rows["horowitz_45nm_int8"]
    assert "| - | none | - | - | chip limits |" in rows["loihi2"]


def test_a_text_without_markers() -> None:
    with pytest.raises(EmbedError, match="profiles:begin"):
        with_table("nothing")
