"""Profiles as files: what is shipped, and one clear line for everything that is wrong with one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from lavarobust.energy import available_profiles, load_profile
from lavarobust.energy.profiles import require_prices
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

[prices.accumulate.by_connection]
conv = 1.5

[[memory]]
capacity_bytes = 8192
value = 10
unit = "pJ"
access_bits = 64
source = "a paper"
evidence = "simulated"

[[memory]]
capacity_bytes = 32768
value = 20
unit = "pJ"
access_bits = 64
source = "a paper"
evidence = "simulated"

[limits.cores_per_chip]
value = 128
unit = "cores"
source = "a paper"
evidence = "documented"
"""

LIMITS_ONLY = 'title = "a chip"\n\n[limits.cores' + GOOD.partition("[limits.cores")[2]


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


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
    assert [(point.capacity_bytes, point.value) for point in profile.memory] == [(8192, 10), (32768, 20)]
    assert profile.limits["cores_per_chip"].value == 128
    with pytest.raises(FrozenInstanceError):
        profile.voltage = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "line", "place", "allowed"),
    [
        ('unit = "pJ"', 'unit = "nJ"', 8, "prices.accumulate.unit", "Allowed: 'pJ'"),
        ('unit = "pJ"\n', "", 6, "prices.accumulate.unit", "missing"),
        ('source = "a paper"\n', "", 6, "prices.accumulate.source", "missing"),
        ('source = "a paper"', 'source = "  "', 10, "prices.accumulate.source", "at least 1"),
        ("value = 2", "value = -2", 7, "prices.accumulate.value", "greater than 0"),
        ("value = 2", "value = 0", 7, "prices.accumulate.value", "greater than 0"),
        ("value = 2", "value = nan", 7, "prices.accumulate.value", "got 'nan'"),
        ("value = 2", "value = inf", 7, "prices.accumulate.value", "finite"),
        ("value = 2", "value = true", 7, "prices.accumulate.value", "valid number"),
        ("value = 2", 'value = "2"', 7, "prices.accumulate.value", "valid number"),
        (
            "value = 2",
            "value = 2\njoule = 1",
            8,
            "prices.accumulate.joule",
            "Allowed: value, unit, prec",
        ),
        ('evidence = "measured"', 'evidence = "sure"', 11, "prices.accumulate.evidence", "'measured'"),
        ('scope = "per-term"', 'scope = "most"', 12, "prices.accumulate.scope", "'all-in'"),
        ("[prices.accumulate]", "[prices.memory_access]", 6, "prices.memory_access", "'active_update'"),
        ("conv = 1.5", "conv = -1.5", 15, "prices.accumulate.by_connection.conv", "greater than 0"),
        (
            "conv = 1.5",
            "sparse = 1.5",
            15,
            "prices.accumulate.by_connection.sparse",
            "'dense' or 'conv'",
        ),
        ("access_bits = 64\n", "", 17, "memory.0.access_bits", "missing"),
        ("value = 20", "value = -20", 27, "memory.1.value", "greater than 0"),
        (
            "capacity_bytes = 32768",
            "capacity_bytes = 8192",
            26,
            "memory.1.capacity_bytes",
            "small to large",
        ),
        ('evidence = "simulated"', 'evidence = "documented"', 23, "memory.0.evidence", "'simulated'"),
        ("value = 128", "value = 1.5", 34, "limits.cores_per_chip.value", "valid integer"),
        ('unit = "cores"', 'unit = "chips"', 35, "limits.cores_per_chip.unit", "Allowed: 'cores'"),
        ('unit = "cores"\n', "", 33, "limits.cores_per_chip.unit", "missing"),
        ('"documented"', '"simulated"', 37, "limits.cores_per_chip.evidence", "'documented'"),
        ("[limits.cores_per_chip]", "[limits.cores]", 33, "limits.cores", "'cores_per_chip'"),
        ('title = "mine"', 'title = "mine"\ncolour = 3', 3, "colour", "Allowed: title, node_nm"),
        ('title = "mine"', 'title = "mine"\nname = "x"', 3, "name", "named after its file"),
        ("node_nm = 28", "node_nm = -1", 3, "node_nm", "greater than 0"),
        ("voltage = 0.8\n", "", 1, "voltage", "missing"),
        ('title = "mine"\n', "", 1, "title", "missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, place: str, allowed: str
) -> None:
    assert old in GOOD
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        load_profile(path)
    message = str(caught.value)
    assert message.startswith(f"{path}, line {line}: {place}: ")
    assert allowed in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "line 1: title: missing"),
        (GOOD.partition("[prices")[0], "line 1: file: neither prices nor limits"),
        (GOOD.partition("[prices")[0] + "prices = 3", "line 6: prices: "),
        ('prices = {}\ntitle = "empty"', "line 1: file: neither prices nor limits"),
        (
            LIMITS_ONLY + "[[memory]]" + GOOD.split("[[memory]]")[1],
            "line 8: memory: prices of memory",
        ),
    ],
)
def test_a_profile_holds_prices_or_limits(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(SettingsError, match=rf"mine\.toml, {problem}"):
        load_profile(write(tmp_path, text))


def test_limits_need_no_process_and_give_no_energy(tmp_path: Path) -> None:
    limits = load_profile(write(tmp_path, LIMITS_ONLY))
    assert (limits.node_nm, limits.voltage, limits.limits["cores_per_chip"].value) == (None, None, 128)
    with pytest.raises(SettingsError, match=r"profile mine holds limits .* no prices.*--profile mine\.toml"):
        require_prices(limits)
    require_prices(load_profile(write(tmp_path, GOOD)))


def test_all_in_prices_stand_alone(tmp_path: Path) -> None:
    alone = GOOD.partition("[[memory]]")[0]
    all_in = alone.replace('scope = "per-term"', 'scope = "all-in"')
    assert load_profile(write(tmp_path, all_in)).all_in
    second = "[prices" + GOOD.partition("[prices")[2].partition("[prices")[0].replace(
        ".accumulate]", ".spike]"
    )
    with pytest.raises(SettingsError, match=r"line 23: prices\.spike\.scope: .* energy twice"):
        load_profile(write(tmp_path, all_in + second))
    with pytest.raises(SettingsError, match=r"line 17: prices\.spike: an all-in price is that of a synaptic"):
        load_profile(write(tmp_path, all_in + second.replace("per-term", "all-in")))
    with pytest.raises(SettingsError, match="line 17: memory: an all-in price holds the memory"):
        load_profile(write(tmp_path, GOOD.replace('scope = "per-term"', 'scope = "all-in"')))


def test_only_synaptic_operations_differ_by_connection(tmp_path: Path) -> None:
    spikes = GOOD.replace("prices.accumulate", "prices.spike")
    with pytest.raises(SettingsError, match=r"line 14: prices\.spike\.by_connection: only synaptic"):
        load_profile(write(tmp_path, spikes))


@pytest.mark.parametrize("content", [b"no table", b"\xff\xfe\x00", b"a = " + b"[" * 60_000, b"a = 1\na = 2"])
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
    huge.write_bytes(b"#" * ((1 << 16) + 1))
    with pytest.raises(SettingsError, match="larger than"):
        load_profile(huge)
    huge.write_bytes(b"\n" * 2001)
    with pytest.raises(SettingsError, match="more than 2000 lines"):
        load_profile(huge)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="horowitz_45nm_fp32, horowitz_45nm_int32"):
        load_profile("horowitz")
