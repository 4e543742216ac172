"""What a person hears when Lava is missing, and what `python -m lavarobust.compat` does about it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = "pip install --no-deps --ignore-requires-python lava-nc==0.10.0 lava-dl==0.6.0"


@pytest.fixture
def site(tmp_path) -> Path:
    """A folder to import from instead of site-packages: numpy is there, Lava isn't."""
    folder = tmp_path / "site"
    folder.mkdir()
    library = Path(np.__file__).resolve().parent
    for name in ("numpy", "numpy.libs"):
        if library.with_name(name).exists():
            (folder / name).symlink_to(library.with_name(name))
    return folder


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-S", *arguments]
    return subprocess.run(
        command, cwd=site.parent, env=environment, capture_output=True, text=True, timeout=60
    )


ACTIVATE = "from lavarobust.compat import activate; activate()"


def test_missing_lava_names_the_one_command(site):
    run = python(site, "-c", ACTIVATE)
    last = run.stderr.strip().splitlines()[-1]
    assert "MissingLavaError: lava-nc is not installed" in last
    assert "Run: python -m lavarobust.compat install" in last
    assert PIP in last


def test_half_of_lava_is_not_enough(site):
    (site / "lava" / "magma").mkdir(parents=True)
    (site / "lava" / "magma" / "__init__.py").touch()
    assert "MissingLavaError: lava-dl is not installed" in python(site, "-c", ACTIVATE).stderr


def test_it_is_a_backend_error(site):
    catch = f"try:\n    {ACTIVATE}\nexcept BackendError:\n    print('caught')"
    run = python(site, "-c", f"from lavarobust.errors import BackendError\n{catch}")
    assert run.stdout.strip() == "caught"


def test_show_without_lava_fails_in_one_line(site):
    run = python(site, "-m", "lavarobust.compat", "show")
    assert run.returncode == 1
    assert "lava-nc  not installed" in run.stdout
    assert run.stderr.startswith("error: lava-nc is not installed")
    assert "Traceback" not in run.stderr


def test_install_runs_exactly_that_pip(site):
    (site / "pip").mkdir()
    (site / "pip" / "__init__.py").touch()
    (site / "pip" / "__main__.py").write_text(
        "import sys\nprint('pip', *sys.argv[1:], flush=True)\nsys.exit(3)\n"
    )
    # The pip that is started has no -S, so it is found by PYTHONPATH, before the real one.
    run = python(site, "-m", "lavarobust.compat", "install")
    assert run.stdout.splitlines() == [PIP]
    assert run.returncode == 1
    assert "error: this failed:" in run.stderr


def test_show_names_versions_and_patches():
    run = subprocess.run(
        [sys.executable, "-m", "lavarobust.compat", "show"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert "lava-nc  0.10.0" in run.stdout
    assert "lava-dl  0.6.0" in run.stdout
    assert "patched  " in run.stdout
