"""``python -m lavarobust`` is the console command ``lavarobust``."""

from lavarobust.cli import main

if __name__ == "__main__":
    main()
