from __future__ import annotations

from dataclasses import dataclass

import pytest
from tiny_runs import tiny_run

from lavarobust.cli.application import application


@dataclass(frozen=True)
class Answer:
    """What a command line ended with."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capsys):
    """Run a command line in this process."""

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            application.main([str(argument) for argument in arguments], prog_name="lavarobust")
        return Answer(end.value.code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory):
    """A trained and exported run; read only."""
    return tiny_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture(scope="session")
def model_file(run_folder):
    return run_folder / "model.net"
