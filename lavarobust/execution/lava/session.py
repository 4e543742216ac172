"""One Lava network while it lives: started, advanced, and always taken down again."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.util import get_temp_dir
from typing import Any

from lava.magma.core.process.process import AbstractProcess, ProcessServer
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import RunConfig
from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

from lavarobust.errors import BackendError

_POLL_SECONDS = 0.002
_FAILURE_SECONDS = 1.0
"""How long a failing process may take to hand over its exception after Lava reported the failure."""

_SOCKET_PATH_LIMIT = 107
"""Of a Unix socket (``man 7 unix``)."""

_SOCKET_NAME_LENGTH = len("/listener-abcdefgh")
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_forking_network = False


def _die_with_parent() -> None:
    """In a forked child of a network: leave Ctrl-C to the parent, and end when it ends, even by SIGKILL."""
    if _forking_network:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


os.register_at_fork(after_in_child=_die_with_parent)


@contextmanager
def _children_of_ours() -> Iterator[None]:
    """Forks inside leave Ctrl-C to the parent, who then ends them, and die with it.

    A Ctrl-C that arrives inside is raised at the end: an interrupted fork would leave a child that nobody
    knows of, and the interpreter waits for all its children.
    """
    global _forking_network
    resource_tracker.ensure_running()  # when it starts, it unblocks the signals that are blocked here
    with _interruption_later():
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        _forking_network = True
        try:
            yield
        finally:
            _forking_network = False
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def _interruption_later() -> Iterator[None]:
    """Keep a Ctrl-C until the end; blocking it in one thread does not keep it from the others'."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, frame: kept.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler if handler is None else handler)
        if kept:
            signal.raise_signal(signal.SIGINT)


class Session:
    """Runs a connected network step by step; leaving the ``with`` block always ends its processes.

    Args:
        process: any Process of the network.
        run_config: which models run it.
    """

    def __init__(self, process: AbstractProcess, run_config: RunConfig) -> None:
        self._process = process
        self._run_config = run_config

    def __enter__(self) -> Session:
        _check_socket_path()
        try:
            with _children_of_ours():
                self._process.create_runtime(run_cfg=self._run_config)
        except BaseException:
            self._kill()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._kill()
            return
        try:
            self._process.stop()
        except BaseException:
            self._kill()
            raise

    def advance(self, steps: int) -> None:
        """Execute that many time steps.

        Raises:
            BackendError: one of the network's OS processes failed or died.
        """
        runtime = self._process.runtime
        runtime.start(RunSteps(num_steps=steps, blocking=False))
        # Lava's own wait blocks for ever when a child is gone, so ask before waiting.
        while not all(port.probe() for port in runtime.service_to_runtime):
            self._check_children(self._actors())
            time.sleep(_POLL_SECONDS)
        if not all(enum_equal(port.peek(), MGMT_RESPONSE.DONE) for port in runtime.service_to_runtime):
            raise BackendError(f"Lava stopped with an error. {self._first_failure()}")
        runtime.wait()

    def _actors(self) -> list[Any]:
        runtime = getattr(self._process, "_runtime", None)
        messaging = getattr(runtime, "_messaging_infrastructure", None)
        return [] if messaging is None else messaging.actors

    def _check_children(self, actors: list[Any]) -> None:
        dead = [actor for actor in actors if not actor.is_alive()]
        if dead:
            raise BackendError(
                f"{len(dead)} of Lava's {len(actors)} OS processes ended in the middle of a run "
                f"(exit code {dead[0].exitcode}; -9 is often a lack of memory). {self._first_failure()}"
            )

    def _first_failure(self) -> str:
        deadline = time.monotonic() + _FAILURE_SECONDS
        while time.monotonic() < deadline:
            for actor in self._actors():
                if actor.exception:
                    return str(actor.exception[1]).strip().splitlines()[-1]
            time.sleep(_POLL_SECONDS)
        return "No process left a message"

    def _kill(self) -> None:
        """End the network without its cooperation."""
        runtime = getattr(self._process, "_runtime", None)
        if runtime is None:
            return
        runtime._is_started = runtime._is_running = False  # else its finaliser would stop it again
        actors = self._actors()
        for actor in actors:
            actor.kill()
        for actor in actors:
            actor.join()
        messaging = runtime._messaging_infrastructure
        # a manager whose process failed to start has nothing to shut down, nor the method for it
        if messaging is not None and hasattr(messaging.smm._manager, "shutdown"):
            messaging.smm.shutdown()


def _check_socket_path() -> None:
    """Lava's shared memory server listens at a socket in the temporary folder, and its path is limited."""
    folder = get_temp_dir()
    if len(folder) + _SOCKET_NAME_LENGTH > _SOCKET_PATH_LIMIT:
        raise BackendError(
            f"the temporary folder {folder} has too long a path for the sockets that Lava puts there (at "
            f"most {_SOCKET_PATH_LIMIT - _SOCKET_NAME_LENGTH} characters). Set TMPDIR to a shorter one, such "
            "as /tmp"
        )


@contextmanager
def forgetting_processes() -> Iterator[None]:
    """Lava's server keeps every Process for ever; drop those made inside."""
    server = ProcessServer()
    known = len(server.processes)
    try:
        yield
    finally:
        del server.processes[known:]
