from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path

import pytest

from lavarobust.optional import MissingPackageError, optional_module


def test_a_module_that_is_there_is_given_back():
    assert optional_module("json", "anything") is sys.modules["json"]


def test_a_missing_one_is_told_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sanafe", None)
    with pytest.raises(MissingPackageError, match=r"sanafe: .*pip install 'lavarobust\[sanafe\]'"):
        optional_module("sanafe", "sanafe")


def _import_and_say(folder: str, answers) -> None:
    sys.path.insert(0, folder)
    try:
        answers.put(optional_module("writes_as_it_is_imported", "anything").SETTINGS)
    except Exception as error:
        answers.put(repr(error))


def test_processes_import_a_package_one_after_the_other(tmp_path: Path):
    """As the Adversarial Robustness Toolbox does: looks twice, and believes that nobody writes in between."""
    (tmp_path / "writes_as_it_is_imported.py").write_text(
        "import pathlib, time\n"
        "file = pathlib.Path(__file__).with_suffix('.txt')\n"
        "if file.exists():\n"
        "    SETTINGS = file.read_text()\n"
        "time.sleep(0.3)\n"
        "if not file.exists():\n"
        "    file.write_text('settings')\n"
        "    SETTINGS = 'settings'\n"
        "    time.sleep(0.3)\n"
    )
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=_import_and_say, args=(str(tmp_path), answers)) for _ in range(2)]
    for process in processes:
        process.start()
    assert [answers.get(timeout=30) for _ in processes] == ["settings", "settings"]
    for process in processes:
        process.join()
