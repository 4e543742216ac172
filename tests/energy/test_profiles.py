"""Price tables: what is shipped, and one clear line for everything that is wrong with a file."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from lavarobust.energy import available_profiles, load_profile
from lavarobust.errors import SettingsError

GOOD = """
title = "mine"
node_nm = 28
voltage = 0.8

[prices.accumulate]
value = 2
unit = "pJ"
precision = "INT8"
source = "a paper"
evidence = "measured"
scope = "per-term"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "multiply_accumulate", "accumulate", "precision"),
    [("horowitz_45nm_fp32", 4.6, 0.9, "FP32"), ("horowitz_45nm_int32", 3.2, 0.1, "INT32")],
)
def test_table_7_of_hire(name: str, multiply_accumulate: float, accumulate: float, precision: str) -> None:
    profile = load_profile(name)
    assert (profile.name, profile.node_nm, profile.voltage) == (name, 45, 0.9)
    assert set(profile.prices) == {"multiply_accumulate", "accumulate"}
    assert profile.prices["multiply_accumulate"].value == multiply_accumulate
    assert profile.prices["accumulate"].value == accumulate
    for price in profile.prices.values():
        assert (price.unit, price.precision, price.scope) == ("pJ", precision, "per-term")
        assert "Table 7" in price.source
    assert not profile.all_in


def test_every_shipped_table_is_listed_and_loads() -> None:
    names = available_profiles()
    assert names == tuple(sorted(names))
    assert {"horowitz_45nm_fp32", "horowitz_45nm_int32"} <= set(names)
    for name in names:
        assert load_profile(name).name == name


@pytest.mark.parametrize("as_text", [True, False])
def test_a_table_of_ones_own(tmp_path: Path, as_text: bool) -> None:
    path = write(tmp_path, GOOD)
    profile = load_profile(str(path) if as_text else path)
    assert (profile.name, profile.title, profile.node_nm, profile.notes) == ("mine", "mine", 28, "")
    assert profile.prices["accumulate"].value == 2
    with pytest.raises(FrozenInstanceError):
        profile.voltage = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "place", "allowed"),
    [
        ('unit = "pJ"', 'unit = "nJ"', "prices.accumulate.unit", "'pJ'"),
        ('unit = "pJ"\n', "", "prices.accumulate.unit", "missing"),
        ('source = "a paper"\n', "", "prices.accumulate.source", "missing"),
        ('source = "a paper"', 'source = "  "', "prices.accumulate.source", "at least 1"),
        ("value = 2", "value = -2", "prices.accumulate.value", "greater than 0"),
        ("value = 2", "value = 0", "prices.accumulate.value", "greater than 0"),
        ("value = 2", "value = nan", "prices.accumulate.value", "got 'nan'"),
        ("value = 2", "value = inf", "prices.accumulate.value", "finite"),
        ("value = 2", "value = true", "prices.accumulate.value", "valid number"),
        ("value = 2", 'value = "2"', "prices.accumulate.value", "valid number"),
        ("value = 2", "value = 2\njoule = 1", "prices.accumulate.joule", "Allowed: value, unit, precision"),
        ('evidence = "measured"', 'evidence = "sure"', "prices.accumulate.evidence", "'measured'"),
        ('scope = "per-term"', 'scope = "most"', "prices.accumulate.scope", "'all-in'"),
        ("[prices.accumulate]", "[prices.memory_access]", "prices.memory_access", "'neuron_update'"),
        ('title = "mine"', 'title = "mine"\ncolour = 3', "colour", "Allowed: title, node_nm"),
        ('title = "mine"', 'title = "mine"\nname = "x"', "name", "named after its file"),
        ("node_nm = 28", "node_nm = -1", "node_nm", "greater than 0"),
        ("voltage = 0.8\n", "", "voltage", "missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, place: str, allowed: str) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(SettingsError) as caught:
        load_profile(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: {place}: ")
    assert allowed in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "text",
    [
        "",
        GOOD.partition("[prices")[0],
        GOOD.partition("[prices")[0] + "prices = 3",
        "prices = {}\n" + GOOD[:40],
    ],
)
def test_a_table_without_prices(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"mine\.toml"):
        load_profile(write(tmp_path, text))


def test_all_in_prices_stand_alone(tmp_path: Path) -> None:
    all_in = GOOD.replace('scope = "per-term"', 'scope = "all-in"')
    assert load_profile(write(tmp_path, all_in)).all_in
    second = GOOD.partition("[prices")[2].replace(".accumulate]", "[prices.neuron_update]")
    with pytest.raises(SettingsError, match="energy twice"):
        load_profile(write(tmp_path, all_in + second))
    with pytest.raises(SettingsError, match=r"prices\.neuron_update: an all-in price is that of a synaptic"):
        load_profile(write(tmp_path, all_in + second.replace("per-term", "all-in")))


@pytest.mark.parametrize("content", [b"no table", b"\xff\xfe\x00", b"a = " + b"[" * 100_000, b"a = 1\na = 2"])
def test_not_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="not readable as TOML") as caught:
        load_profile(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not a file"):
        load_profile(tmp_path)
    with pytest.raises(SettingsError, match="no such file"):
        load_profile(tmp_path / "gone.toml")
    with pytest.raises(SettingsError, match="not a file"):
        load_profile("/dev/zero")
    with pytest.raises(SettingsError, match="Give a TOML file"):
        load_profile("a\0b.toml")
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(SettingsError, match="larger than"):
        load_profile(huge)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="horowitz_45nm_fp32, horowitz_45nm_int32"):
        load_profile("horowitz")
