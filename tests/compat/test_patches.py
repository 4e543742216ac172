"""What activate() changes, seen from fresh interpreters."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lavarobust.compat.installation import has_lava_dl_pins
from lavarobust.compat.patches import _PatchedSource
from lavarobust.errors import BackendError

ROOT = Path(__file__).resolve().parents[2]
NEEDS_HASHABLE_DEFAULTS = sys.version_info >= (3, 11)
NEEDS_WIDE_EXTENTS = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
pinned = pytest.mark.skipif(has_lava_dl_pins(), reason="with lava-dl's own pins nothing has to be patched")


def python(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def installed_files() -> dict[str, str]:
    """Digests of the files that the patches concern, compiled ones too."""
    from importlib.util import find_spec

    (folder,) = find_spec("lava.magma.compiler").submodule_search_locations
    files = sorted(Path(folder).glob("var_model.py")) + sorted(Path(folder).glob("__pycache__/var_model.*"))
    assert files
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_lava_is_imported_without_a_word_and_without_touching_its_files():
    before = installed_files()
    run = python(
        "import sys\nfrom lavarobust.compat import activate, patches_applied\n"
        "activate()\n"
        "import lava.lib.dl.netx, lava.lib.dl.slayer as slayer\n"
        "slayer.block.cuba.Dense; lava.lib.dl.netx.hdf5.Network\n"
        "print(*patches_applied(), sep='\\n', file=sys.stderr)",
        CUDA_HOME="/tmp",
    )
    assert run.returncode == 0, run.stderr
    applied = [line for line in run.stderr.splitlines() if line.startswith("lava.")]
    assert any("ByteEncoder" in line for line in applied) == NEEDS_HASHABLE_DEFAULTS
    assert any("object_detection" in line for line in applied) == (not has_lava_dl_pins())
    assert any("int64" in line for line in applied) == NEEDS_WIDE_EXTENTS
    assert len(applied) == NEEDS_HASHABLE_DEFAULTS + NEEDS_WIDE_EXTENTS + (not has_lava_dl_pins())
    if not has_lava_dl_pins():
        assert run.stdout == ""
        assert run.stderr.splitlines() == applied
    after = installed_files()
    assert {name: after[name] for name in before} == before
    if NEEDS_HASHABLE_DEFAULTS:
        assert after == before


@pytest.mark.skipif(not NEEDS_HASHABLE_DEFAULTS, reason="Python 3.10 accepts unhashable defaults")
def test_without_patches_lava_does_not_import():
    run = python(
        "from lavarobust.compat import activate, patches_applied\nactivate()\n"
        "try:\n    import lava.magma.compiler.var_model\n"
        "except ValueError as error:\n    print(patches_applied(), error)",
        LAVAROBUST_NO_PATCHES="1",
    )
    assert run.stdout.startswith("() mutable default"), run.stderr


def test_a_second_call_changes_nothing():
    run = python(
        "import sys\nfrom lavarobust.compat import activate\n"
        "before = len(sys.meta_path)\nactivate()\nactivate()\n"
        "print(len(sys.meta_path) - before, 'torch' in sys.modules, 'lava.lib.dl.netx' in sys.modules)"
    )
    assert run.stdout.split() == ["1", "False", "False"], run.stderr


@pinned
def test_left_out_tools_say_why():
    run = python(
        "from lavarobust.compat import activate\nactivate()\n"
        "from lava.lib.dl import slayer\nslayer.obd.yolo_base"
    )
    assert "BackendError: lava.lib.dl.slayer.object_detection is left out" in run.stderr
    assert "yolo_base" in run.stderr


def test_a_progress_bar_before_lava_does_no_harm():
    run = python(
        "import tqdm\nlist(tqdm.tqdm(range(2), disable=False))\n"
        "from lavarobust.compat import activate, patches_applied\nactivate()\n"
        "import lava.lib.dl.netx, multiprocessing\n"
        "print(multiprocessing.get_start_method(), sum('start method' in line for line in patches_applied()))"
    )
    assert run.stdout.splitlines()[-1] == "fork 1", run.stderr


def test_a_program_that_chose_to_spawn_is_told():
    run = python(
        "import multiprocessing\nmultiprocessing.set_start_method('spawn')\n"
        "from lavarobust.compat import activate\nactivate()\nimport lava.lib.dl.netx"
    )
    assert run.returncode == 1
    assert "BackendError: this program chose the multiprocessing start method 'spawn'" in run.stderr


def test_a_file_of_another_release_is_not_patched(tmp_path):
    other = tmp_path / "var_model.py"
    other.write_text("@dataclass(frozen=True)\nclass ByteEncoder:\n    pass\n")
    loader = _PatchedSource("var_model", str(other), old="@dataclass\nclass ByteEncoder:", new="", name="x")
    with pytest.raises(BackendError, match=r"var_model\.py: is not the file of lava-nc 0\.10\.0.*0 times"):
        loader.get_code("var_model")


def test_a_patched_file_keeps_its_lines_and_leaves_no_bytecode(tmp_path):
    source = tmp_path / "sample.py"
    source.write_text("first = 1\nsecond = missing\n")
    loader = _PatchedSource("sample", str(source), old="first = 1", new="first = 2", name="sample: patched")
    code = loader.get_code("sample")
    assert code.co_filename == str(source)
    namespace: dict[str, object] = {}
    with pytest.raises(NameError) as caught:
        exec(code, namespace)
    assert namespace["first"] == 2
    assert caught.traceback[-1].lineno == 1  # counted from 0
    assert list(tmp_path.iterdir()) == [source]
