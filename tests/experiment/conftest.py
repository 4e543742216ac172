from __future__ import annotations

import pytest
from tiny_runs import tiny_run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A trained and exported run; read only."""
    return tiny_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def model_file(run_folder):
    return run_folder / "model.net"
