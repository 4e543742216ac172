"""`energy` with rules of one's choice, and every rule's counts below the bills."""

from __future__ import annotations

import json


def bills(text: str) -> list[str]:
    return [line.split("rule ")[1].split(" ")[0] for line in text.splitlines() if ", rule " in line]


def test_all_rules_that_hold(cli, model_file, tmp_path):
    result = tmp_path / "result.json"
    flags = ("energy", model_file, "--limit", 3, "--profile", "horowitz_45nm_int8_int32")
    answer = cli(*flags, "--rule", "all", "--json", result)
    assert answer.code == 0, answer.err
    held = ["executed", "hire-eq8", "hire-eq8-executed", "neurobench", "spikingjelly", "syops"]
    assert bills(answer.out) == held
    written = json.loads(result.read_text())
    totals = [count for count in written["counts"] if count["layer"] == "all"]
    assert [count["rule"] for count in totals if not count["refusal"]] == held
    assert "Eq. 7 is for spikes" in next(count["refusal"] for count in totals if count["refusal"])
    table = answer.out.split("as each rule counts them")[1]
    assert "hire-eq7                               -" in table
    assert "--rule hire-eq7 says why" in table
    assert bills(cli(*flags).out) == ["executed", "hire-eq8"]
    assert bills(cli(*flags, "--rule", "syops", "--rule", "executed").out) == ["syops", "executed"]


def test_loihi_2_asks_for_prices_and_loihi_1_for_spikes(cli, model_file):
    answer = cli("energy", model_file, "--limit", 2, "--profile", "loihi2")
    assert answer.code != 0 and "profile loihi2 holds limits of a chip and no prices" in answer.err
    assert "--profile mine.toml" in answer.err
    answer = cli("energy", model_file, "--limit", 2, "--profile", "loihi1_davies2018", "--rule", "executed")
    assert answer.code != 0 and "no price for multiply_accumulate, which layer" in answer.err
