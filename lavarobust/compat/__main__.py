"""``python -m lavarobust.compat install | show``."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module

from lavarobust.compat.installation import LAVA_RELEASES, install, version
from lavarobust.compat.patches import activate, patches_applied
from lavarobust.errors import LavarobustError


def main() -> int:
    """Run one of the two commands; the exit status is 0 when Lava can be used afterwards."""
    parser = argparse.ArgumentParser(prog="python -m lavarobust.compat", description="Lava for this Python.")
    parser.add_argument("command", choices=("install", "show"), help="show: what is installed and patched")
    command = parser.parse_args().command
    try:
        if command == "install":
            install()
        show()
    except LavarobustError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def show() -> None:
    """Import Lava, and print the versions that matter and what had to be patched.

    Raises:
        MissingLavaError: lava-nc or lava-dl is not installed.
    """
    for name in ("torch", "numpy", *LAVA_RELEASES):
        print(f"{name:8} {version(name) or 'not installed'}")
    activate()
    # Some plotting libraries write to the home folder when imported; this one only reports.
    os.environ.setdefault("MPLBACKEND", "agg")
    for module in ("lava.lib.dl.netx", "lava.lib.dl.slayer"):
        import_module(module)
    for patch in patches_applied() or ("nothing",):
        print(f"patched  {patch}")


if __name__ == "__main__":
    raise SystemExit(main())
