"""The console command as a process: how fast help is, and how it ends when it is stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_runs import TINY

from lavarobust.cli.application import application

HEAVY = {"torch", "numpy", "h5py", "lava", "pydantic", "rich", "yaml"}
COMMAND = Path(sys.executable).with_name("lavarobust")


def start(*arguments, **options):
    return subprocess.Popen(
        [COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize("verb", [None, *application.commands])
def test_help_loads_nothing_heavy_and_shows_examples(verb):
    arguments = ["--help"] if verb is None else [verb, "--help"]
    program = (
        "import sys\n"
        "from lavarobust.cli.application import application\n"
        "try:\n"
        f"    application.main({arguments}, prog_name='lavarobust')\n"
        "finally:\n"
        "    print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    *text, modules = run.stdout.splitlines()
    assert "lavarobust.cli.run" in modules.split()
    assert not {name.partition(".")[0] for name in modules.split()} & HEAVY
    example = "Example:" if verb == "demo" else "Examples:"
    place = next(number for number, line in enumerate(text) if line.strip() == example)
    assert text[place + 1].strip().startswith(f"lavarobust {verb or ''}".strip())
    assert "..." not in "".join(line for line in text if not line.startswith("Usage"))


def test_python_m_lavarobust_is_the_same_command():
    answers = [
        subprocess.run([*command, "check", "missing.net"], capture_output=True, text=True)
        for command in ([COMMAND], [sys.executable, "-m", "lavarobust"])
    ]
    assert answers[0].returncode == answers[1].returncode == 2
    assert answers[0].stderr == answers[1].stderr != ""


def test_the_command_alone_shows_the_verbs():
    run = subprocess.run([COMMAND], capture_output=True, text=True)
    assert run.returncode == 0 and run.stderr == ""
    verbs = run.stdout.partition("Commands:")[2].partition("Examples:")[0].split("\n")
    assert [line.split()[0] for line in verbs if line.strip()] == list(application.commands)


def test_a_reader_that_closes_the_pipe_gets_no_traceback(model_file):
    process = start("run", model_file)
    process.stdout.close()
    error = process.stderr.read()
    assert process.wait(60) != 0 and "Traceback" not in error


def interrupted(process, ready):
    """Send SIGINT to the process's group once ``ready()``; its exit code, stderr, number of children."""
    deadline = time.monotonic() + 60
    try:
        while not ready():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, error = process.communicate(timeout=30)
        _, alive = psutil.wait_procs(children, timeout=5)
        assert not [child for child in alive if child.status() != psutil.STATUS_ZOMBIE]
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # torch's own note, under lava-dl's pins, where nothing is patched
    ours = [line for line in error.splitlines(keepends=True) if not line.startswith("No CUDA runtime")]
    return process.returncode, "".join(ours), len(children)


def test_a_stopped_training_says_how_to_go_on_and_does(tmp_path):
    folder = tmp_path / "r"
    arguments = ("train", "digits-plain", *TINY, "training.epochs=30", "--out", folder, "--quiet")
    process = start(*arguments, start_new_session=True)
    code, error, _ = interrupted(process, (folder / "checkpoint.safetensors").is_file)
    assert code == 130
    assert error.startswith("stopped in epoch ") and error.count("\n") == 1
    assert "give the same recipe and folder with --resume" in error
    assert not (folder / "network.safetensors").exists()
    resumed = subprocess.run([COMMAND, *map(str, arguments), "--resume"], capture_output=True, text=True)
    assert resumed.returncode == 0 and "trained for 30 epochs" in resumed.stdout


def test_a_stopped_attack_ends_in_one_line(model_file, tmp_path):
    process = start(
        "attack", model_file, "--attack-steps", 100000, "--json", tmp_path / "a", start_new_session=True
    )
    begun = []

    def ready():
        begun.append(process.stderr.readline())
        return begun[-1].startswith("FGSM at 0.1 on simulator")

    code, error, _ = interrupted(process, ready)
    assert (code, error) == (130, "stopped\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kept", [True, False])
def test_a_stopped_suite_says_how_to_go_on(model_file, tmp_path, kept):
    folder = ("--out", tmp_path / "kept") if kept else ()
    process = start("attack", model_file, "--suite", "adaptive", *folder, start_new_session=True)
    code, error, _ = interrupted(
        process, lambda: "FGSM" in (line := process.stderr.readline()) or "PGD" in line
    )
    hint = "The same command goes on" if kept else "With --out FOLDER it would go on from what it found"
    assert (code, error.splitlines()[-1]) == (130, f"stopped. {hint}")


@pytest.mark.parametrize("processes", [2, 5, 8])
def test_a_stopped_run_on_lava_leaves_no_process(model_file, tmp_path, processes):
    """While its network is being built, and while it runs (8 processes)."""
    process = start("run", model_file, "--backend", "lava", "--steps", 20000, "--json", tmp_path / "a",
                    start_new_session=True)  # fmt: skip
    us = psutil.Process(process.pid)
    code, error, children = interrupted(process, lambda: len(us.children(recursive=True)) >= processes)
    assert (code, error) == (130, "stopped\n")
    assert children >= processes
    assert os.listdir(tmp_path) == []
