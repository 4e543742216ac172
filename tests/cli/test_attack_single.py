from __future__ import annotations

import json


def written(path):
    return json.loads(path.read_text())


def test_attack_shows_flips_of_the_encoding_and_whether_to_believe_them(cli, model_file, tmp_path):
    result = tmp_path / "result.json"
    answer = cli(
        "attack", model_file, "--attack", "noise", "--encoding", "rate", "--limit", 10, "--flips", 2,
        "--flip-iterations", 2, "--json", result,
    )  # fmt: skip
    assert answer.code == 0
    lines = answer.out.splitlines()
    rows = [line.split()[:3] for line in lines if line.lstrip().startswith("SEA") and "2 flips" in line]
    assert rows == [["SEA", "2", "flips"], ["SEA-2", "2", "flips"]]
    plain = written(result)
    assert [entry["flips"] for entry in plain["flips"]] == [2, 2]
    [told] = plain["flip_diagnoses"]
    assert told["flips"] == 2 and told["diagnosis"]["samples"] == 10
    assert "with 2 flips per frame, the worst attack per image:" in lines
    assert ("UNRELIABLE" in answer.out) == told["unreliable"]
    for check in told["diagnosis"]["checks"]:
        assert f"  {'!' if check['fired'] else ' '} {check['name']}: {check['said']}" in lines
    refused = cli("attack", model_file, "--flips", 2)
    assert refused.code != 0 and "encoding direct sends analog values" in refused.err


def test_single_attacks_say_that_a_suite_would_be_diagnosed(cli, model_file, tmp_path):
    answer = cli("attack", model_file, "--attack", "noise", "--limit", 4, "--json", tmp_path / "a.json")
    said = written(tmp_path / "a.json")["not_diagnosed"]
    assert "--suite adaptive" in said and said in answer.out.splitlines()
    assert written(tmp_path / "a.json")["flip_diagnoses"] == []
