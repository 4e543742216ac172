"""What can be asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.run import BENCHMARKS, choose
from benchmarks.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def test_nothing_named_is_everything():
    assert choose([]) == {name: set() for name in BENCHMARKS}


def test_cases_are_gathered_and_a_whole_benchmark_holds_them_all():
    assert choose(["execution:tiny", "limit", "execution:conv"]) == {
        "execution": {"tiny", "conv"},
        "limit": set(),
    }
    assert choose(["execution:tiny", "execution"]) == {"execution": set()}


@pytest.mark.parametrize("name", ["executions", "execution:", "execution:nothing", "training:conv"])
def test_unknown_names_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match="there are"):
        choose([name])


@pytest.mark.parametrize("name", ["execution", "lava_backend", "limit", "scaling", "comparison"])
def test_help_names_the_cases_that_there_are(name):
    pytest.importorskip("lava.magma" if name in ("execution", "lava_backend") else "torch")
    module = import_module(f"benchmarks.{name}")
    [benchmark] = [entry for entry in BENCHMARKS.values() if entry.module == module.__name__]
    assert benchmark.cases == module.CASES


def test_settings_choose_in_the_order_of_the_cases():
    assert Settings(only=frozenset({"c", "a"})).wanted(("a", "b", "c")) == ["a", "c"]
    assert Settings().wanted(("a", "b")) == ["a", "b"]


def test_help_shows_examples():
    command = [sys.executable, "-m", "benchmarks.run", "--help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "execution:pilotnet_sdnn" in shown
    assert "python -m benchmarks.run execution:tiny" in shown
