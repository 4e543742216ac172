"""The folders that travel with the package, found from a checkout and from a built wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lavarobust.errors import SettingsError
from lavarobust.resources import resource_folder

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """A wheel of a copy of this package's files, with a file at two depths in the resource folders."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    shutil.copytree(ROOT / "lavarobust", source / "lavarobust", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("hw_profiles", "netx_models"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name)
    (source / "hw_profiles").mkdir(exist_ok=True)
    (source / "netx_models" / "nested").mkdir(parents=True, exist_ok=True)
    (source / "hw_profiles" / "probe.toml").write_text("probe = 1\n")
    (source / "netx_models" / "nested" / "probe.net").write_bytes(b"probe")
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    run = subprocess.run(build, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = out.glob("*.whl")
    return built


def test_wheel_holds_the_package_and_its_resources(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        entry = archive.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    assert "lavarobust/_resources/hw_profiles/probe.toml" in names
    assert "lavarobust/_resources/netx_models/nested/probe.net" in names
    shipped = {f"lavarobust/_resources/{path.relative_to(ROOT)}" for path in ROOT.glob("netx_models/*.*")}
    assert "lavarobust/_resources/netx_models/digits-plain.net" in shipped
    assert shipped <= names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "lavarobust").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith(("tests/", "hw_profiles/", "benchmarks/"))]
    assert "lavarobust = lavarobust.cli:main" in entry
    assert "Requires-Dist: lava" not in text


def test_resources_of_an_unpacked_wheel_are_found(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    # A neighbour of that name in site-packages belongs to somebody else.
    (tmp_path / "hw_profiles").mkdir()
    ask = (
        "from lavarobust.resources import resource_folder as folder\n"
        "print(folder('hw_profiles'))\nprint(folder('netx_models'))"
    )
    run = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    profiles, models = map(Path, run.stdout.split())
    assert profiles == tmp_path / "lavarobust" / "_resources" / "hw_profiles"
    assert (profiles / "probe.toml").read_text() == "probe = 1\n"
    assert (models / "nested" / "probe.net").read_bytes() == b"probe"


def test_a_checkout_uses_its_own_folders(tmp_path):
    shutil.copytree(
        ROOT / "lavarobust", tmp_path / "lavarobust", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "hw_profiles").mkdir()
    ask = "from lavarobust.resources import resource_folder; print(resource_folder('hw_profiles'))"
    run = subprocess.run(
        [sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(run.stdout.strip()) == tmp_path / "hw_profiles"


def test_unknown_folder_is_refused():
    with pytest.raises(SettingsError, match="hw_profiles, netx_models"):
        resource_folder("notebooks")


def test_an_incomplete_installation_says_so(tmp_path):
    shutil.copytree(
        ROOT / "lavarobust", tmp_path / "lavarobust", ignore=shutil.ignore_patterns("__pycache__")
    )
    ask = "from lavarobust.resources import resource_folder; resource_folder('hw_profiles')"
    run = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert "the folder hw_profiles is missing from this installation" in run.stderr
