"""Worker processes side by side: started when needed, replaced when used up, never left behind.

Each is a fresh interpreter and no fork: Lava forks in turn, which a program with threads must not do, and
a fresh process cleans up its own shared memory, however it ends. It runs in an OS session of its own, so
that a Ctrl-C reaches the caller alone, who then ends it; the kernel kills it with its caller.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any

from lavarobust.errors import BackendError, LavarobustError, SettingsError
from lavarobust.execution.worker import Done, Failed, Progress, Ready, Task

_GRACE_SECONDS = 5.0
"""How long a worker may take to end its networks before it is killed."""

_SINGLE_THREADED = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class WorkerTraceback(Exception):  # noqa: N818  (a cause to read, never raised itself)
    """Where in a worker process an error arose."""


@dataclass(eq=False)
class _Worker:
    """One process and the caller's end of its socket."""

    process: subprocess.Popen[bytes]
    connection: Connection
    ready: bool = False
    taken: int = 0
    number: int | None = None
    task: Task | None = None

    def give(self, number: int, task: Task) -> None:
        """Hand over a task; one for a worker that is still loading waits until it is ready."""
        self.number, self.taken = number, self.taken + 1
        self.task = task
        if self.ready:
            self.send()

    def send(self) -> None:
        try:
            self.connection.send(self.task)
        except ConnectionError as error:
            raise self.death() from error
        self.task = None

    def receive(self) -> Progress | Done | Failed | Ready:
        try:
            message: Progress | Done | Failed | Ready = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            raise self.death() from error
        return message

    def death(self) -> BackendError:
        code = self.process.wait()
        return BackendError(
            f"a worker process ended in the middle of a run (exit code {code}; -9 is "
            "often a lack of memory). Run fewer workers side by side"
        )

    def interrupt(self) -> None:
        """Ask it to end its network; one that has not loaded yet has none and could only complain, an idle
        one ends with the connection."""
        self.connection.close()
        if self.number is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT if self.ready else signal.SIGKILL)

    def end(self) -> None:
        """Wait for an interrupted worker, and kill it if it does not end."""
        try:
            self.process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(eq=False)
class Workers:
    """Up to ``count`` worker processes, kept for the next call until :meth:`close`.

    Not to be shared between threads.

    Attributes:
        count: of processes side by side; each loads what its tasks need, and no more.
        tasks_each: after so many tasks a worker is replaced by a fresh one (Lava keeps some memory of
            every network); None for never.
    """

    count: int
    tasks_each: int | None = None
    _alive: list[_Worker] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise SettingsError(f"{self.count!r} workers can't run anything. Give a whole number from 1 on")
        # also at the interpreter's end, and where nobody closes
        self._finalizer = weakref.finalize(self, _stop_own, self._alive, os.getpid())

    def run(
        self,
        function: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        report: Callable[[int, Any], None] | None = None,
    ) -> Generator[tuple[int, Any], None, None]:
        """Call ``function(*arguments[i], report=...)`` for every i; yields ``(i, result)`` as they finish.

        Leaving the iteration early, by an error or by Ctrl-C, ends the workers that are busy. Function,
        arguments and results are pickled; the function must be importable.

        Args:
            function: of a module.
            arguments: taken one by one, one ahead of the workers.
            report: called with i and what the call of i reported.

        Raises:
            BackendError: a worker died.
            LavarobustError: what a call raised; any other error becomes a BackendError. The cause is a
                :class:`WorkerTraceback`.
        """
        pending = enumerate(arguments)
        self._forget_dead()
        try:
            following = next(pending, None)
            while True:
                while following is not None and (free := self._free()) is not None:
                    free.give(following[0], Task(function, tuple(following[1])))
                    following = next(pending, None)
                busy = [worker for worker in self._alive if worker.number is not None]
                if not busy:
                    return
                for worker in _answering(busy):
                    number, message = worker.number, worker.receive()
                    assert number is not None
                    if isinstance(message, Ready):
                        worker.ready = True
                        worker.send()
                    elif isinstance(message, Progress):
                        if report is not None:
                            report(number, message.value)
                    elif isinstance(message, Done):
                        self._finish(worker)
                        yield number, message.value
                    else:
                        self._finish(worker)
                        raise _error(message) from WorkerTraceback(message.trace)
        finally:
            self._end([worker for worker in self._alive if worker.number is not None])

    def close(self) -> None:
        """End all workers and what they run; the next call starts fresh ones."""
        _stop_all(self._alive)

    def _forget_dead(self) -> None:
        """Workers that ended while idle: the kernel kills them with the thread that started them."""
        self._end([worker for worker in self._alive if worker.process.poll() is not None])

    def _free(self) -> _Worker | None:
        for worker in self._alive:
            if worker.number is None:
                return worker
        if len(self._alive) >= self.count:
            return None
        self._alive.append(_start())
        return self._alive[-1]

    def _finish(self, worker: _Worker) -> None:
        worker.number = None
        if self.tasks_each is not None and worker.taken >= self.tasks_each:
            self._end([worker])

    def _end(self, workers: list[_Worker]) -> None:
        self._alive[:] = [worker for worker in self._alive if worker not in workers]
        _stop_all(workers)


def worker_environment() -> dict[str, str]:
    """Of a fresh interpreter that imports what this one can, with one computing thread until it asks for
    more."""
    return {
        **os.environ,
        **dict.fromkeys(_SINGLE_THREADED, "1"),
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }


def _answering(busy: list[_Worker]) -> list[_Worker]:
    answering = wait([worker.connection for worker in busy])
    return [worker for worker in busy if worker.connection in answering]


def _start() -> _Worker:
    """A fresh interpreter that serves at its end of a socket, one computing thread in each process."""
    ours, theirs = Pipe()
    with theirs:
        program = f"from lavarobust.execution.worker import serve; serve({theirs.fileno()})"
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            env=worker_environment(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    return _Worker(process, ours)


def _error(failed: Failed) -> Exception:
    if not issubclass(failed.kind, LavarobustError):
        text = ", ".join(map(str, failed.arguments))
        return BackendError(f"a worker process failed ({failed.kind.__name__}: {text})")
    error = failed.kind.__new__(failed.kind, *failed.arguments)
    error.args = failed.arguments
    error.__dict__.update(failed.attributes)
    return error


def _stop_all(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.interrupt()
    for worker in workers:
        worker.end()
    workers.clear()


def _stop_own(workers: list[_Worker], owner: int) -> None:
    if os.getpid() == owner:  # and not in a fork of the process that started them
        _stop_all(workers)
