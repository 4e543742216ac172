"""One network of a run, as a worker process does it: draw, compare, and shrink what differs."""

from __future__ import annotations

import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.parity import files
from benchmarks.parity.compare import Comparison, compare
from benchmarks.parity.shrink import shrink, size
from benchmarks.parity.trial import Trial, draw

Compare = Callable[[Trial], Comparison]


@dataclass(frozen=True)
class Attempt:
    """What came of network ``index``.

    Attributes:
        index: within its seed.
        result: ``counted``; ``discarded`` where a layer spiked too rarely or too often to count, compared
            all the same; ``refused`` by the lava backend; or ``failed``, which is a difference too.
        differences: what differs and where.
        features: what it exercised.
        seconds: it took.
        replay: the shrunk trial as a file's bytes, where there is a difference and a trial.
        left: what the shrunk trial holds, and how it differs.
    """

    index: int
    result: str
    differences: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    seconds: float = 0.0
    replay: bytes | None = None
    left: str = ""

    def plain(self) -> dict[str, Any]:
        """As JSON, without the file."""
        return {key: value for key, value in asdict(self).items() if key != "replay"}


def attempt(seed: int, index: int, report: Callable[[Any], None]) -> Attempt:
    """Network ``index`` of a seed; never raises."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of delays that the stock loader cuts, and the like
        try:
            trial = draw(seed, index)
        except Exception:
            return Attempt(index, "failed", (f"drawing it raised {traceback.format_exc(limit=-2)}",))
        done = examine(trial, index)
    return Attempt(**{**vars(done), "seconds": round(time.perf_counter() - start, 3)})


def examine(trial: Trial, index: int, compare: Compare = compare, attempts: int = 150) -> Attempt:
    """Compare a trial, and shrink it where it differs."""
    try:
        first = compare(trial)
    except Exception:
        found = (f"Lava raised {traceback.format_exc(limit=-2)}",)
        return Attempt(index, "failed", found, replay=_bytes(trial), left=size(trial))
    result = "refused" if first.refused else "counted" if first.counted else "discarded"
    if not first.differences:
        return Attempt(index, result, features=first.features)
    small = shrink(trial, lambda smaller: bool(_found(compare, smaller)), attempts)
    left = f"{size(small)}: {'; '.join(_found(compare, small))}"
    return Attempt(index, result, first.differences, first.features, replay=_bytes(small), left=left)


def _found(compare: Compare, trial: Trial) -> tuple[str, ...]:
    """Differences of a smaller trial; none where it is no network that Lava runs."""
    try:
        return compare(trial).differences
    except Exception:
        return ()


def _bytes(trial: Trial) -> bytes:
    with TemporaryDirectory() as folder:
        return files.save(trial, Path(folder, "trial.net")).read_bytes()
