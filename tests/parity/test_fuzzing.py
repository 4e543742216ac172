"""The fuzzer finds what it should: trials survive their files, differences are seen and shrunk."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("lava.magma")
from benchmarks.parity import __main__ as command
from benchmarks.parity import attempt as attempt_module
from benchmarks.parity import files
from benchmarks.parity.attempt import Attempt, examine
from benchmarks.parity.compare import compare, record_differences, simulate
from benchmarks.parity.features import FEATURES, KINDS
from benchmarks.parity.shrink import shrink
from benchmarks.parity.summary import Summary
from benchmarks.parity.trial import GENERATORS, Trial, draw
from lavarobust.errors import DataError
from lavarobust.netx.model import Conv, Dense, Flatten, Model, Neuron
from lavarobust.record import Stimulus

SEVERAL = range(6 * len(GENERATORS))


def without_biases(model: Model) -> Model:
    layers = [replace(layer, bias=None) if isinstance(layer, Dense) else layer for layer in model.layers]
    return Model(tuple(layers), model.input_shape, name=model.name)


def deaf_to_biases(model, stimulus, readout, keep):
    """A simulator that is broken: its dense layers have no biases."""
    return simulate(without_biases(model), stimulus, readout, keep)


def everything(execute, trial):
    keep = [index for index, _ in trial.model.populations]
    return execute(trial.model, trial.stimulus, trial.readout, keep)


def two_simulators_differ(trial: Trial) -> bool:
    try:
        return bool(record_differences(everything(deaf_to_biases, trial), everything(simulate, trial)))
    except Exception:
        return False


def biased() -> Trial:
    """The first network of the dense generator in which the broken simulator is found out."""
    return next(
        trial for index in range(0, 99, len(GENERATORS)) if two_simulators_differ(trial := draw(5, index))
    )


def same(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    if hasattr(one, "__dataclass_fields__"):
        return type(one) is type(other) and all(
            same(value, vars(other)[key]) for key, value in vars(one).items()
        )
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@pytest.mark.parametrize("index", SEVERAL)
def test_a_network_depends_on_seed_and_index_alone(index):
    one, other = draw(7, index), draw(7, index)
    assert all(map(same, one.model.layers, other.model.layers))
    assert same(one.stimulus, other.stimulus)
    assert not same(one.stimulus, draw(8, index).stimulus)


@pytest.mark.parametrize("index", SEVERAL)
def test_a_trial_survives_its_file(index, tmp_path):
    trial = draw(7, index)
    path = files.save(trial, tmp_path / "trial.net")
    back = files.load(path)
    assert same(trial.stimulus, back.stimulus)
    assert (back.readout, back.fast_convolution, back.sparse_fc_layer, back.model.name) == (
        trial.readout, trial.fast_convolution, trial.sparse_fc_layer, str(path)
    )  # fmt: skip
    assert len(back.model.layers) == len(trial.model.layers)
    assert not record_differences(everything(simulate, trial), everything(simulate, back))
    again = files.save(back, tmp_path / "again.net")
    assert all(map(same, files.load(again).model.layers, back.model.layers))


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "text.net").write_text("no network")
    with pytest.raises(DataError, match=r"text\.net: holds no network of a comparison"):
        files.load(tmp_path / "text.net")
    with pytest.raises(DataError):
        files.load(tmp_path / "missing.net")


def test_shrinking_keeps_the_difference_and_little_else():
    trial = biased()
    small = shrink(trial, two_simulators_differ, attempts=2000)
    assert two_simulators_differ(small)
    [(_, layer)] = small.model.populations
    assert (small.stimulus.samples, layer.shape) == (1, (1,))
    assert np.count_nonzero(layer.bias) == 1
    assert layer.delay is None and layer.recurrent_weight is None
    assert small.stimulus.steps <= 2


def test_shrinking_stops_when_told():
    asked = []
    trial = draw(5, 0)
    assert shrink(trial, lambda smaller: asked.append(smaller) or False, attempts=7) is trial
    assert len(asked) == 7


def test_a_broken_simulator_is_found_out_against_lava_and_its_network_replayed(tmp_path, capsys):
    def against_lava(trial):
        return compare(trial, deaf_to_biases)

    found = examine(biased(), 3, against_lava, attempts=6)
    assert any("differ" in line for line in found.differences)
    assert "non-zero weights" in found.left
    path = tmp_path / "parity-5-3.net"
    path.write_bytes(found.replay)
    assert against_lava(files.load(path)).differences
    assert path.stat().st_size < 40_000
    assert command.main(["--replay", str(path)]) == 0  # the simulator itself is right
    assert "no difference" in capsys.readouterr().out


def test_a_simulator_that_raises_is_a_difference():
    def raising(*arguments):
        raise IndexError("beyond the end")

    layer = Dense(np.array([[2, -2]], dtype=np.int32), Neuron(4096, 0, 1))
    trial = Trial(Model((layer,), (2,)), Stimulus(np.ones((1, 2, 3), dtype=np.int32), 3), "spike_count")
    [said] = compare(trial, raising).differences
    assert "IndexError in test_fuzzing.py" in said and "beyond the end" in said


def test_a_generator_that_raises_is_told(monkeypatch):
    monkeypatch.setattr(attempt_module, "draw", lambda seed, index: 1 // 0)
    result = attempt_module.attempt(0, 4, report=print)
    assert (result.index, result.result) == (4, "failed")
    assert "ZeroDivisionError" in result.differences[0]


def test_features_are_those_of_network_input_and_record():
    from benchmarks.parity.features import features_of

    conv = Conv(
        np.ones((2, 1, 2, 1), dtype=np.int32), Neuron(10, np.array([0, 4096]), 5), (2, 2, 2),
        np.array([0, 3], dtype=np.int32), stride=(2, 1), dilation=(2, 1), groups=2,
    )  # fmt: skip
    hidden = Dense(
        np.ones((3, 8), dtype=np.int32), Neuron(0, 4096, 5), delay=np.array([0, 1, 0], dtype=np.int32)
    )
    model = Model((conv, Flatten(), hidden), (2, 4, 2))
    quiet = SimpleNamespace(wraps=np.zeros((1, 2)), clips=np.zeros((1, 2)))
    clipped = SimpleNamespace(wraps=np.zeros((1, 2)), clips=np.ones((1, 2)))
    trial = Trial(model, Stimulus(np.full((1, 2, 4, 2, 1), -2, dtype=np.int32), 2), "membrane", True, True)
    assert features_of(trial, SimpleNamespace(layers=(quiet, clipped))) == (
        "conv", "delay", "stride", "dilation", "groups", "bias", "decay", "signed", "graded", "clip",
        "decay per neuron", "membrane readout", "vectorised conv",
    )  # fmt: skip


def test_the_bar_asks_for_counted_networks_of_everything_without_a_difference():
    every = (*KINDS, *FEATURES)
    counted = [Attempt(index, "counted", features=every) for index in range(1000)]
    assert Summary.of(counted).short_of_bar == ()
    assert (
        "the bar (1,000 counted, none differing, 50 of each kind and feature): reached"
        in Summary.of(counted).text()
    )
    assert Summary.of(counted[:-1]).short_of_bar == ("counted 999 of 1000",)
    discarded = Attempt(7, "discarded", differences=("spikes differ",), features=every)
    assert Summary.of([*counted, discarded]).short_of_bar == ("differing 1 instead of 0",)
    bare = [replace(each, features=every[1:]) for each in counted[:951]]
    assert Summary.of([*bare, *counted[951:]]).short_of_bar == ("dense 49 of 50",)
    assert Summary.of([discarded]).coverage["dense"] == 0


def test_a_difference_gives_exit_code_1_a_file_and_json(monkeypatch, tmp_path, capsys):
    differing = Attempt(3, "counted", ("layer 1 dense: 2 spikes differ",), replay=b"bytes", left="one layer")

    class Fake:
        count = 1

        def __init__(self, *_):
            pass

        def run(self, function, arguments):
            assert list(arguments) == [(9, 3)]
            yield 0, differing

        def close(self):
            pass

    monkeypatch.setattr(command, "Workers", Fake)
    result = tmp_path / "result.json"
    arguments = ["--seed", "9", "--only", "3", "--json", str(result), "--failures", str(tmp_path / "new")]
    assert command.main(arguments) == 1
    assert (tmp_path / "new/parity-9-3.net").read_bytes() == b"bytes"
    assert "1 with differences" in capsys.readouterr().out
    content = json.loads(result.read_text())
    assert (content["seed"], content["tried"], content["differing"]) == (9, 1, 1)
    assert content["networks"][0]["differences"] == ["layer 1 dense: 2 spikes differ"]


@pytest.mark.parametrize("arguments, said", [
    (["--networks", "0"], "at least one network"),
    (["--only", "-1"], "index below 0"),
])  # fmt: skip
def test_impossible_numbers_are_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


def test_an_unwritable_result_is_refused_before_the_work(tmp_path, capsys):
    assert command.main(["--json", str(tmp_path / "none/result.json")]) == 2
    assert "there is no folder" in capsys.readouterr().err


def test_ctrl_c_prints_and_writes_what_was_done(tmp_path):
    result = tmp_path / "result.json"
    program = [sys.executable, "-u", "-m", "benchmarks.parity", "--networks", "5000", "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    running = subprocess.Popen(
        [*program, "--json", str(result), "--failures", str(tmp_path)], text=True, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        time.sleep(12)
        os.killpg(running.pid, signal.SIGINT)
        printed, _ = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 130
    assert "stopped by Ctrl-C" in printed
    content = json.loads(result.read_text())
    assert content["interrupted"] and content["differing"] == 0
    assert content["tried"] == len(content["networks"]) < 5000
