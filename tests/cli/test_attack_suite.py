from __future__ import annotations

import json

import numpy as np
import pytest


def test_attack_runs_a_suite_and_says_whether_to_believe_it(cli, model_file, tmp_path):
    answer = cli(
        "attack", model_file, "--suite", "quick", "--eps", 0.1, "--limit", 12, "--out", tmp_path / "kept",
        "--json", tmp_path / "a.json", "--save", tmp_path / "a.npz",
    )  # fmt: skip
    assert answer.code == 0
    for words in ("PGD-20, triangular 1", "robust accuracy", "95 % confidence", "diagnosis on"):
        assert words in answer.out
    found = json.loads((tmp_path / "a.json").read_text())["results"][0]
    assert ("UNRELIABLE" in answer.out) == found["unreliable"]
    assert np.load(tmp_path / "a.npz")["images"].shape == (12, 1, 8, 8)
    assert (tmp_path / "kept" / "benchmark.json").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--suite", "quick", "--attack", "fgsm"), "--attack is not for --suite quick"),
        (("--suite", "quick", "--flips", 3), "--flips is not for --suite quick"),
        (("--votes", 3), "--votes needs --suite"),
        (("--out", "x"), "--out needs --suite"),
        (("--gap",), "--gap needs --suite"),
        (("--suite", "quick", "--profile", "horowitz_45nm_int32"), "--profile needs --cost"),
        (("--suite", "quick", "--gap", "--steps", 3), "--steps is not for --gap"),
        (("--suite", "quick", "--cost", "--norm", "l2"), "the threat model is of l2"),
        (("--suite", "quick", "--cost", "--surrogate", "analog"), "sends no spikes that could be counted"),
    ],
)
def test_options_that_would_do_nothing_are_refused(cli, model_file, options, said):
    answer = cli("attack", model_file, *options)
    assert answer.code == 2 and said in answer.err


def test_attack_takes_a_papers_own_attacks(cli, model_file, tmp_path):
    answer = cli("attack", model_file, "--suite", "paper:hire", "--limit", 8, "--json", tmp_path / "a.json")
    assert answer.code == 0 and "PGD-7, triangular 1 scale 0.3" in answer.out
    assert len(json.loads((tmp_path / "a.json").read_text())["rows"]) == 2
    refused = cli("attack", model_file, "--suite", "paper:hire", "--eps", 0.1)
    assert refused.code == 2 and "--epsilon is not for --suite paper:hire" in refused.err


def test_a_suite_tells_its_gap_and_what_its_images_cost(cli, model_file, tmp_path):
    answer = cli(
        "attack", model_file, "--suite", "quick", "--eps", 0.05, "--eps", 0.1, "--limit", 12, "--audit", 0,
        "--gap", "--cost", "--profile", "horowitz_45nm_int32", "--json", tmp_path / "a.json",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    plain = json.loads((tmp_path / "a.json").read_text())
    assert [gap["threat"] for gap in plain["gaps"]] == ["linf 0.05", "linf 0.1"]
    for gap, cost, result in zip(plain["gaps"], plain["costs"], plain["results"], strict=True):
        [worst] = [row for row in gap["rows"] if row["images"] == "suite quick"]
        assert worst["executed_accuracy"] == cost["rows"][1]["accuracy"] == result["robust"]["value"]
        assert cost["rows"][1]["operations"] == pytest.approx(result["operations"][1])
        assert [row["slayer_differences"] for row in gap["rows"]] == [0] * 6
    assert answer.out.count("Float, SLAYER and executed") == 2
    assert answer.out.count("Cost of attacked images, per image") == 2 and "operations-20" in answer.out


def test_the_gap_takes_the_run_that_the_file_lies_in(cli, model_file, tmp_path):
    copy = tmp_path / "model.net"
    copy.write_bytes(model_file.read_bytes())
    refused = cli("attack", copy, "--suite", "quick", "--gap")
    assert refused.code == 2 and "that lies in the run folder of a training" in refused.err
    missing = cli("attack", tmp_path / "no.net", "--suite", "quick", "--gap")
    assert missing.code == 2 and "no.net: " in missing.err and "training" not in missing.err
