"""Which Lava is installed, and how to install the one that this package is made for."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec

from lavarobust.errors import BackendError

LAVA_RELEASES = {"lava-nc": "0.10.0", "lava-dl": "0.6.0"}
PIP_ARGUMENTS = (
    "install",
    "--no-deps",
    "--ignore-requires-python",
    *(f"{name}=={release}" for name, release in LAVA_RELEASES.items()),
)


class MissingLavaError(BackendError):
    """Lava is not installed, or only half of it; the message holds the one command that installs it."""

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"{missing} is not installed for {sys.executable}. Run: python -m lavarobust.compat install "
            f"(the same as: pip {' '.join(PIP_ARGUMENTS)})"
        )


def require_lava() -> None:
    """Check that lava-nc and lava-dl are there, importing no more of them than their empty namespaces.

    Raises:
        MissingLavaError: one of them is not.
    """
    for distribution, module in (("lava-nc", "lava.magma"), ("lava-dl", "lava.lib.dl.netx")):
        try:
            found = find_spec(module) is not None
        except ModuleNotFoundError:
            found = False
        if not found:
            raise MissingLavaError(distribution)


def has_lava_dl_pins() -> bool:
    """Whether torch, torchvision and OpenCV are those that lava-dl 0.6.0 was published for."""
    return (
        version("torch").startswith("2.3.")
        and version("torchvision").startswith("0.18.")
        and find_spec("cv2") is not None
    )


def version(distribution: str) -> str:
    """Its installed version, or an empty string."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def install() -> None:
    """Install both releases without their pins, by the pip of the running interpreter.

    Raises:
        BackendError: pip failed, or there is none.
    """
    command = [sys.executable, "-m", "pip", *PIP_ARGUMENTS]
    if subprocess.run(command, check=False).returncode:
        raise BackendError(
            f"this failed: {' '.join(command)}. See pip's message above; an environment without pip "
            f"needs its own installer for {' and '.join(PIP_ARGUMENTS[-2:])}, without their dependencies"
        )
