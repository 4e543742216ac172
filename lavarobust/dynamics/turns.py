"""Parts of a chunk of samples that threads take in turn from within a compiled loop.

A loop that came back to the interpreter for each part would wait for its lock there, which in small layers
takes longer than the part.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import intrinsic

from lavarobust.dynamics.compiled import inlined


class Turns(NamedTuple):
    """What is left to do, for :func:`take`.

    Attributes:
        counts: ``(2,)`` int64, samples that some thread has taken, and those that are done; 0 before.
        samples: of all.
        together: samples of a part.
    """

    counts: np.ndarray
    samples: int
    together: int

    @property
    def done(self) -> bool:
        """Whether nothing is left, and no thread at work any more."""
        return int(self.counts[_DONE]) == self.samples


_TAKEN, _DONE = 0, 1

_PATIENCE = 200_000
"""Looks at what others have done before a thread goes back to sleep: some 50 us, as long as waking takes."""


def turns(samples: int, parts: int) -> Turns:
    """All of ``samples``, in about that many parts."""
    return Turns(np.zeros(2, dtype=np.int64), samples, max(samples // parts, 1))


@inlined
def take(left: Turns, done: int) -> tuple[int, int]:
    """The first sample of a part that nobody else has, and the one behind its last; equal if none is left.

    Then it waits a moment for the others to be done with theirs, which takes less than to be woken.

    Args:
        done: samples of the part before, 0 at first.
    """
    _add(left.counts, _DONE, done)
    first = min(_add(left.counts, _TAKEN, left.together), left.samples)
    if first == left.samples:
        looks = 0
        while _read(left.counts, _DONE) < left.samples and looks < _PATIENCE:
            looks += 1
    return first, min(first + left.together, left.samples)


@intrinsic
def _add(typingctx: Any, counts: Any, at: Any, more: Any) -> Any:
    """``counts[at] += more`` as one step that no thread can come between; returns what it was.

    What a thread wrote before is seen by all that find its count here.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [args[1]]), args[2], "acq_rel")

    return types.int64(counts, types.intp, types.int64), codegen


@intrinsic
def _read(typingctx: Any, counts: Any, at: Any) -> Any:
    """``counts[at]`` as it is now, with all that was written before it."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load_atomic(builder.gep(data, [args[1]]), "acquire", 8)

    return types.int64(counts, types.intp), codegen
