"""Makes lava-nc 0.10.0 and lava-dl 0.6.0 work on maintained Python, numpy and torch; nothing else patches.

Call :func:`activate` before importing anything of ``lava``. No installed file is ever changed.
"""

from lavarobust.compat.convolution import fast_convolution
from lavarobust.compat.installation import MissingLavaError
from lavarobust.compat.patches import activate, patches_applied

__all__ = ["MissingLavaError", "activate", "fast_convolution", "patches_applied"]
