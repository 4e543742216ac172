from __future__ import annotations

import sys

import pytest

from lavarobust.optional import MissingPackageError, optional_module


def test_a_module_that_is_there_is_given_back():
    assert optional_module("json", "anything") is sys.modules["json"]


def test_a_missing_one_is_told_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sanafe", None)
    with pytest.raises(MissingPackageError, match=r"sanafe: .*pip install 'lavarobust\[sanafe\]'"):
        optional_module("sanafe", "sanafe")
