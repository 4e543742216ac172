"""What ``import lavarobust`` offers: the verbs, whatever was imported before, and nothing heavy."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import lavarobust

VERBS = ("train", "export", "check", "run", "attack", "bill", "report", "demo", "sweep")
PACKAGE = Path(lavarobust.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TREE = ast.parse((PACKAGE / "__init__.py").read_text())


@pytest.mark.parametrize("rooms", [ROOMS, ROOMS[::-1]], ids=["forwards", "backwards"])
def test_verbs_are_calls_after_any_imports(rooms):
    program = (
        "import importlib, pkgutil, lavarobust\n"
        f"for room in {rooms}:\n"
        "    package = importlib.import_module(f'lavarobust.{room}')\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        if not module.name.endswith('__main__'):\n"
        "            importlib.import_module(module.name)\n"
        f"    assert all(callable(getattr(lavarobust, verb)) for verb in {VERBS}), room\n"
        "from lavarobust import *\n"
        "assert callable(train) and callable(read_model)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_room_has_the_name_of_a_call():
    modules = {path.stem for path in PACKAGE.glob("*.py")}
    assert not ({*ROOMS} | modules) & {*lavarobust.__all__}


def test_type_checkers_see_what_the_interpreter_finds():
    """The imports under TYPE_CHECKING name the modules that are imported at run time."""
    block = next(node for node in TREE.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert set(VERBS) < set(lavarobust.__all__) == set(seen) == set(lavarobust._HOMES)
    assert {name: f"lavarobust.{home}" for name, home in lavarobust._HOMES.items()} == seen
    assert set(lavarobust.__all__) <= set(dir(lavarobust))


def test_what_is_not_there_is_said():
    with pytest.raises(AttributeError, match="module 'lavarobust' has no attribute 'fly'"):
        lavarobust.fly  # noqa: B018
