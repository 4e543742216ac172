"""Shared by all tests."""

from __future__ import annotations

import os

# Before numpy and torch are loaded: one thread each, since test processes and Lava's Processes share the
# cores, and since floating point sums depend on the number of threads.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

from hypothesis import settings  # noqa: E402

# The first example of a property often pays for an import of several seconds.
settings.register_profile("lavarobust", deadline=None)
settings.load_profile("lavarobust")
