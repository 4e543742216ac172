"""What the verbs make of a sigma-delta file: run, priced and checked, or refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lavarobust.netx import Conv, Dense, Flatten, Input, Model, SigmaDelta, write_model


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    rng = np.random.default_rng(0)
    kernels, weight = (2 * rng.integers(-h, h + 1, size) for h, size in ((30, (4, 1, 3, 3)), (20, (10, 144))))
    layers = (
        Input((1, 8, 8), SigmaDelta(1)),
        Conv(kernels.astype(np.int32), SigmaDelta(4), (4, 6, 6), np.array([3, -3, 1, 0], dtype=np.int32)),
        Flatten(),
        Dense(weight.astype(np.int32), SigmaDelta(0, sends_sum=True)),
    )
    return write_model(Model(layers, (1, 8, 8)), tmp_path_factory.mktemp("sdnn") / "digits.net")


def test_run_on_both_backends_gives_the_same_counts(cli, file, tmp_path):
    written = {}
    for name in ("simulator", "lava"):
        out = tmp_path / f"{name}.json"
        answer = cli(
            "run", file, "--data", "digits", "--limit", 3, "--steps", 4, "--backend", name, "--json", out
        )
        assert answer.code == 0, answer.err
        assert (
            "assumed --encoding repeat: the file's input layer makes 64 * pixel + 0 of a pixel" in answer.err
        )
        assert "assumed --readout membrane" in answer.err
        assert "3 dense       10" in answer.out and "MAC" in answer.out
        written[name] = json.loads(out.read_text())
    one, other = (json.dumps(written[name]).replace(name, "") for name in written)
    assert one == other


def test_energy_counts_multiply_accumulates(cli, file):
    answer = cli("energy", file, "--data", "digits", "--limit", 3, "--steps", 4)
    assert answer.code == 0, answer.err
    assert "multiply_accumulate" in answer.out
    assert " accumulate " not in answer.out
    assert "spike rate" not in answer.out


def test_check_gives_the_ready_call(cli, file):
    answer = cli("check", file)
    assert answer.code == 0
    assert "input_shape=(8, 8, 1))" in answer.out
    assert "reset_interval" not in answer.out
    assert cli("check", file, "--target", "loihi2").code != 0


def test_an_attack_says_that_there_is_no_gradient(cli, file):
    answer = cli("attack", file, "--data", "digits", "--limit", 2)
    assert answer.code == 2
    assert "0 input has sigma-delta neurons" in answer.err
