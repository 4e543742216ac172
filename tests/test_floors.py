"""What an import of each light room loads, seen from outside; the static contracts are in pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def loaded_by(statement: str) -> set[str]:
    """Top-level names in sys.modules after a fresh interpreter ran the statement in the checkout."""
    program = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in run.stdout.split()}


@pytest.mark.parametrize(
    "room", ["netx", "record", "energy", "errors", "resources", "data", "execution", "compat", "cli"]
)
def test_room_loads_neither_torch_nor_lava(room):
    loaded = loaded_by(f"import lavarobust.{room}")
    assert "lavarobust" in loaded
    assert not loaded & {"torch", "lava"}


def test_every_module_of_netx_and_energy_stays_light():
    walk = """
        import importlib, pkgutil
        for room in ("netx", "energy"):
            package = importlib.import_module(f"lavarobust.{room}")
            for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
                importlib.import_module(module.name)
    """
    loaded = loaded_by(textwrap.dedent(walk))
    assert "numpy" in loaded
    assert not loaded & {"torch", "lava", "sklearn", "matplotlib"}


def test_encoding_and_dynamics_need_no_lava():
    loaded = loaded_by("import lavarobust.dynamics, lavarobust.encoding")
    assert "torch" in loaded
    assert "lava" not in loaded


def test_the_package_itself_loads_nothing():
    assert not loaded_by("import lavarobust") & {"numpy", "torch", "lava", "click", "pydantic", "yaml"}


def test_a_forbidden_import_would_be_seen():
    assert "torch" in loaded_by("import lavarobust.netx, torch")
