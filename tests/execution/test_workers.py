from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lavarobust.errors import BackendError, ModelFileError, SettingsError
from lavarobust.record import Stimulus

pytest.importorskip("lava.magma")
import worker_tasks

from lavarobust.execution.lava import LavaBackend
from lavarobust.execution.workers import Workers, WorkerTraceback


@pytest.fixture(scope="module")
def workers():
    pair = Workers(2)
    yield pair
    pair.close()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def members(session):
    """Living processes of the OS sessions whose leaders are given."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, *fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) in session and state != "Z":
            found.append(int(path.parent.name))
    return found


def eventually(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_results_come_as_they_finish_and_progress_before_them(workers):
    reported = []
    tasks = [(0.4, 3), (0.0, 4), (0.0, 5)]
    results = list(workers.run(worker_tasks.square_after, tasks, lambda *said: reported.append(said)))
    assert sorted(results) == [(0, 9), (1, 16), (2, 25)]
    assert sorted(reported) == [(0, -3), (1, -4), (2, -5)]


def test_workers_stay_for_the_next_call(workers):
    first, second = ({pid for _, pid in workers.run(worker_tasks.own_process, [()])} for _ in range(2))
    assert first == second
    assert os.getpid() not in first


def test_a_used_up_worker_is_replaced():
    used = Workers(1, tasks_each=1)
    pids = [pid for _, pid in used.run(worker_tasks.own_process, [(), ()])]
    assert pids[0] != pids[1]
    assert not any(alive(pid) for pid in pids)


def test_our_errors_arrive_as_they_are_with_their_cause(workers):
    with pytest.raises(ModelFileError, match="holds no weight") as caught:
        list(workers.run(worker_tasks.refuse_a_file, [()]))
    assert (caught.value.where, caught.value.remedy) == ("model.net: layer/2", "Give one")
    assert isinstance(caught.value.__cause__, WorkerTraceback)
    assert "in refuse_a_file" in str(caught.value.__cause__)


@pytest.mark.parametrize("task, message", [
    (worker_tasks.refuse_to_run, "^not today$"),
    (worker_tasks.fail, "ZeroDivisionError: by nothing"),
    (worker_tasks.answer_what_cannot_be_sent, "can't be sent"),
    (worker_tasks.die, r"ended in the middle of a run \(exit code -9"),
])  # fmt: skip
def test_what_goes_wrong_in_a_worker_is_one_error(workers, task, message):
    with pytest.raises(BackendError, match=message):
        list(workers.run(task, [()]))
    assert list(workers.run(worker_tasks.square_after, [(0.0, 2)])) == [(0, 4)]


def test_a_worker_that_dies_idle_is_replaced(workers):
    [(_, pid)] = workers.run(worker_tasks.own_process, [()])
    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: not alive(pid))
    [(_, other)] = workers.run(worker_tasks.own_process, [()])
    assert other != pid


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "2"])
def test_a_number_of_workers_that_makes_no_sense_is_refused(count):
    with pytest.raises(SettingsError, match="whole number from 1"):
        LavaBackend(workers=count)


def test_a_killed_worker_takes_its_network_with_it(tmp_path):
    pair = Workers(2)

    def kill_one():
        markers = list(tmp_path.iterdir())
        os.kill(int(markers[0].name), signal.SIGKILL)

    def when_both_run():
        if eventually(lambda: sum(bool(path.read_text()) for path in tmp_path.iterdir()) == 2, 60):
            kill_one()

    killer = threading.Thread(target=when_both_run)
    killer.start()
    with pytest.raises(BackendError, match="exit code -9"):
        list(pair.run(worker_tasks.run_for_long, [(str(tmp_path),)] * 2))
    killer.join()
    assert_nothing_is_left(tmp_path)


def assert_nothing_is_left(folder):
    markers = list(folder.iterdir())
    assert len(markers) == 2
    memory = {name for path in markers for name in path.read_text().split()}
    assert memory
    pids = {int(path.name) for path in markers}
    assert eventually(lambda: not members(pids)), members(pids)
    assert eventually(lambda: not [name for name in memory if Path("/dev/shm", name).exists()])


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_stopped_caller_leaves_nothing(number, code, tmp_path):
    program = (
        "import sys, worker_tasks\n"
        "from lavarobust.execution.workers import Workers\n"
        "try:\n"
        f"    list(Workers(2).run(worker_tasks.run_for_long, [({str(tmp_path)!r},)] * 2))\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(130)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    caller = subprocess.Popen(
        [sys.executable, "-c", program], env=environment, start_new_session=True, stderr=subprocess.PIPE
    )
    try:
        assert eventually(lambda: sum(bool(path.read_text()) for path in tmp_path.iterdir()) == 2, 90)
        os.killpg(caller.pid, number)  # as a terminal does
        _, said = caller.communicate(timeout=30)
    finally:
        caller.kill()
    assert caller.returncode == code
    assert b"Traceback" not in said
    assert_nothing_is_left(tmp_path)


def test_workers_change_no_figure_and_keep_the_order(conv_model, recurrent_model, rng, agrees):
    finished = []
    with LavaBackend(workers=2, progress=finished.append) as backend:
        for model, top in ((conv_model, 17), (recurrent_model, 2)):
            stimulus = Stimulus(rng.integers(0, top, (5, *model.input_shape, 6)).astype(np.int32), 6)
            keep = [index for index, _ in model.populations]
            record, states = backend.run_with_states(model, stimulus, "membrane", keep)
            expected = agrees(model, stimulus, record, states)
            np.testing.assert_array_equal(record.potential, expected[-1].potential)
            np.testing.assert_array_equal(record.prediction, expected[-1].potential.argmax(1))
            assert finished[-1] == 5
        alone = backend.run(recurrent_model, Stimulus(stimulus.frames[:1], 6))
        np.testing.assert_array_equal(alone.output_counts, record.output_counts[:1])
        with pytest.raises(BackendError, match="integers"):
            backend.run(recurrent_model, Stimulus(stimulus.frames.astype(float), 6))
