"""The notebooks run from top to bottom, and are stored as a reader should get them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_is_a_notebook():
    assert "the_road.ipynb" in {path.name for path in NOTEBOOKS}


def test_it_is_stored_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_it_names_no_folder_of_one_machine(notebook):
    for cell in notebook.cells:
        assert not re.search(r"(?<![\w.])/(home|work|root|tmp|usr|Users)/", cell.source), cell.source


def test_it_runs(notebook, tmp_path, monkeypatch):
    # Jupyter, IPython and matplotlib write to the home folder, which may not be there or not writable.
    for variable in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    assert "differences in potentials and counts: 0\n" in printed
    assert "simulator and Lava: the same outputs\n" in printed
