"""The notebooks run from top to bottom, and are stored as a reader should get them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
PRINTED = {
    "energy_report_per_model.ipynb": (
        "counts in which Lava and the simulator differ: 0\n",
        "loihi2: refused.",
        "the page counts what the ledger counts: True\n",
    ),
    "the_road.ipynb": (
        "differences in potentials and counts: 0\n",
        "simulator and Lava: the same outputs\n",
    ),
    "robustness_on_the_simulator.ipynb": (
        "to be believed: no\n",
        "attacked images on which Lava and the simulator differ: 0\n",
        "images on which SLAYER and the executed integers differ: 0\n",
    ),
}
"""What each notebook says when it has run."""


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_these_are_the_notebooks():
    assert {path.name for path in NOTEBOOKS} == set(PRINTED)


def test_it_is_stored_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and cell.get("execution_count") is None


def test_it_names_no_folder_of_one_machine(notebook):
    for cell in notebook.cells:
        assert not re.search(r"(?<![\w.])/(home|work|root|tmp|usr|Users)/", cell.source), cell.source


@pytest.mark.parametrize("name", PRINTED)
def test_it_runs(name, tmp_path, monkeypatch):
    notebook = nbformat.read(FOLDER / name, as_version=4)
    # Jupyter, IPython and matplotlib write to the home folder, which may not be there or not writable.
    for variable in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR"):
        (tmp_path / variable).mkdir()
        monkeypatch.setenv(variable, str(tmp_path / variable))
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", ()))
    for sentence in PRINTED[name]:
        assert sentence in printed
