"""A worker process: runs one task after the other until nobody asks any more."""

from __future__ import annotations

import ctypes
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Task:
    """One call; ``function`` also takes ``report``, which sends a value to the caller meanwhile."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Ready:
    """The worker has loaded what it needs and waits for tasks."""


@dataclass(frozen=True)
class Progress:
    """Something that a task reported."""

    value: Any


@dataclass(frozen=True)
class Done:
    """What a task returned."""

    value: Any


@dataclass(frozen=True)
class Failed:
    """What a task raised. Errors with arguments of their own can't be pickled, so it travels in parts."""

    kind: type[BaseException]
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]
    trace: str


def die_with_caller() -> None:
    """From now on the kernel kills this process when the thread that started it ends, however it ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def serve(handle: int) -> None:
    """Run the tasks that arrive at the inherited socket ``handle``; ends when the caller's end closes."""
    die_with_caller()
    # the caller's end closes, or interrupts, when it has given up, and says so itself
    with Connection(handle) as connection, suppress(EOFError, ConnectionError, KeyboardInterrupt):
        connection.send(Ready())
        while True:
            task = connection.recv()
            _send(connection, _answer(task, lambda value: connection.send(Progress(value))))


def _answer(task: Task, report: Callable[[Any], None]) -> Done | Failed:
    try:
        return Done(task.function(*task.arguments, report=report))
    except Exception as error:
        return Failed(type(error), error.args, dict(vars(error)), traceback.format_exc())


def _send(connection: Connection, answer: Done | Failed) -> None:
    try:
        connection.send(answer)
    except ConnectionError:
        raise
    except Exception as error:  # what it returned or raised can't be pickled
        text = f"a worker's answer can't be sent: {error}"
        trace = answer.trace if isinstance(answer, Failed) else traceback.format_exc()
        connection.send(Failed(RuntimeError, (text,), {}, trace))
