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
        taken: ``(1,)`` int64, samples that some thread has taken; 0 before.
        samples: of all.
        together: samples of a part.
    """

    taken: np.ndarray
    samples: int
    together: int


def turns(samples: int, parts: int) -> Turns:
    """All of ``samples``, in about that many parts."""
    return Turns(np.zeros(1, dtype=np.int64), samples, max(samples // parts, 1))


@inlined
def take(left: Turns) -> tuple[int, int]:
    """The first sample of a part that nobody else has, and the one behind its last; equal if none is left."""
    first = min(_add(left.taken, left.together), left.samples)
    return first, min(first + left.together, left.samples)


@intrinsic
def _add(typingctx: Any, counter: Any, more: Any) -> Any:
    """``counter[0] += more`` as one step that no thread can come between; returns what it was."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.atomic_rmw("add", place, args[1], "monotonic")

    return types.int64(counter, types.int64), codegen
