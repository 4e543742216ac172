"""What tests let worker processes do."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np

from lavarobust.errors import BackendError, ModelFileError
from lavarobust.netx.model import Dense, Model, Neuron
from lavarobust.record import Stimulus

MODEL = Model((Dense(np.array([[2, -2]], dtype=np.int32), Neuron(4096, 0, 1)),), (2,), name="one neuron")


def square_after(seconds, value, report):
    time.sleep(seconds)
    report(-value)
    return value * value


def own_process(report):
    return os.getpid()


def refuse_a_file(report):
    raise ModelFileError("model.net: layer/2", "holds no weight", "Give one")


def refuse_to_run(report):
    raise BackendError("not today")


def fail(report):
    raise ZeroDivisionError("by nothing")


def answer_what_cannot_be_sent(report):
    return lambda: None


def die(report):
    os.kill(os.getpid(), signal.SIGKILL)


def run_for_long(folder, report):
    """Streams through a network for a minute; a file in ``folder`` says so, and where its memory is."""
    from lavarobust.execution.lava import LavaBackend  # the other tasks need no Lava

    marker = Path(folder) / str(os.getpid())

    def begun(done):
        marker.write_text(" ".join(_own_memory()))

    LavaBackend(progress=begun).run(MODEL, Stimulus(np.ones((20_000, 2, 1), dtype=np.int32), 50))


def _own_memory():
    """Names in /dev/shm that this process has mapped."""
    mapped = Path("/proc/self/maps").read_text().splitlines()
    return sorted({line.split("/dev/shm/")[1].split()[0] for line in mapped if "/dev/shm/" in line})
