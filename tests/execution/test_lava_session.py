"""However a run ends, no OS process and no shared memory stay behind."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from lavarobust.errors import BackendError
from lavarobust.netx.model import Dense, Model, Neuron
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")
from lavarobust.execution.lava import LavaBackend
from lavarobust.execution.lava.neurons import CountingLIFReset

MODEL = Model((Dense(np.array([[2, -2]], dtype=np.int32), Neuron(4096, 0, 1)),), (2,), name="one neuron")
STIMULUS = Stimulus(np.ones((200, 2, 1), dtype=np.int32), 50)


@pytest.fixture
def own_memory(monkeypatch):
    """Names this test's shared memory apart from that of every other program on the machine."""
    prefix = f"t{secrets.token_hex(3)}"
    monkeypatch.setattr("multiprocessing.shared_memory._SHM_NAME_PREFIX", f"/{prefix}")
    return lambda: {path.name for path in Path("/dev/shm").glob(f"{prefix}*")}


def session_members(leader: int) -> list[int]:
    """Living processes of the OS session that ``leader`` opened."""
    members = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and state != "Z":
            members.append(int(path.parent.name))
    return members


def run_for_long(started):
    os.setsid()
    try:
        LavaBackend(progress=lambda done: started.set()).run(MODEL, STIMULUS)
    except KeyboardInterrupt:
        os._exit(130)
    os._exit(0)


@pytest.mark.parametrize("number, to_group, code", [
    (signal.SIGINT, True, 130),
    (signal.SIGINT, False, 130),
    (signal.SIGKILL, False, -signal.SIGKILL),
])  # fmt: skip
def test_a_stopped_run_leaves_nothing(number, to_group, code, own_memory):
    context = multiprocessing.get_context("fork")
    started = context.Event()
    child = context.Process(target=run_for_long, args=(started,))
    child.start()
    try:
        assert started.wait(30)
        assert own_memory()
        assert len(session_members(child.pid)) > 4
        (os.killpg if to_group else os.kill)(child.pid, number)
        child.join(20)
        assert child.exitcode == code
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline and session_members(child.pid):
            time.sleep(0.05)
        assert session_members(child.pid) == []
    finally:
        for pid in session_members(child.pid):
            os.kill(pid, signal.SIGKILL)
    if number != signal.SIGKILL:  # a killed parent's memory is freed by the resource tracker of this process
        assert own_memory() == set()


def test_a_child_that_dies_is_an_error_and_not_a_hang(own_memory):
    def kill_one(done):
        assert own_memory()
        actors = [child for child in multiprocessing.active_children() if "SystemProcess" in child.name]
        os.kill(actors[0].pid, signal.SIGKILL)

    with pytest.raises(BackendError, match="OS processes ended in the middle of a run"):
        LavaBackend(progress=kill_one).run(MODEL, STIMULUS)
    assert multiprocessing.active_children() == []
    assert own_memory() == set()


def test_a_failure_inside_a_process_is_told(monkeypatch):
    def fail(self, activation_in):
        raise ValueError("out of neurons")

    monkeypatch.setattr(CountingLIFReset, "subthr_dynamics", fail)
    with pytest.raises(BackendError, match="out of neurons"):
        LavaBackend().run(MODEL, STIMULUS)
    assert multiprocessing.active_children() == []


def test_a_callback_that_raises_ends_the_network():
    def stop(done):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        LavaBackend(progress=stop).run(MODEL, STIMULUS)
    assert multiprocessing.active_children() == []


def test_lava_forgets_the_processes_of_a_run():
    from lava.magma.core.process.process import ProcessServer

    before = len(ProcessServer().processes)
    LavaBackend().run(MODEL, Stimulus(STIMULUS.frames[:1], 2))
    assert len(ProcessServer().processes) == before


def test_a_temporary_folder_too_deep_for_sockets_is_named(monkeypatch):
    monkeypatch.setattr("lavarobust.execution.lava.session.get_temp_dir", lambda: "/" + 100 * "x")
    with pytest.raises(BackendError, match=r"x has too long a path .* Set TMPDIR to a shorter one"):
        LavaBackend().run(MODEL, STIMULUS)
    assert multiprocessing.active_children() == []


def test_a_network_that_cannot_start_tells_why(monkeypatch):
    def refuse(self):
        raise OSError("no more processes")

    monkeypatch.setattr("multiprocessing.managers.SharedMemoryManager.start", refuse)
    with pytest.raises(OSError, match="no more processes"):
        LavaBackend().run(MODEL, STIMULUS)
    assert multiprocessing.active_children() == []
