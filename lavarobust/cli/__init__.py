"""The command line: one module per verb, each a thin shell around one Python call."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console command ``lavarobust``."""
    from lavarobust.cli.application import application

    application.main()
