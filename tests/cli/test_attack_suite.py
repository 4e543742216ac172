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
