"""The command line: one verb per step of the road, each a thin shell around one Python call."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console command ``lavarobust``."""
    from lavarobust.cli.application import run_application

    run_application()
