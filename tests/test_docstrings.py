"""Every public function and class says what it does."""

from __future__ import annotations

import ast
from pathlib import Path

import lavarobust

PACKAGE = Path(lavarobust.__file__).parent


def test_public_functions_and_classes_have_docstrings() -> None:
    silent = []
    files = sorted(PACKAGE.rglob("*.py"))
    for file in files:
        module = ast.parse(file.read_text(encoding="utf-8"))
        if not ast.get_docstring(module):
            silent.append(str(file.relative_to(PACKAGE)))
        for node in module.body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{file.relative_to(PACKAGE)}:{node.lineno} {node.name}")
    assert len(files) > 100
    assert silent == []
