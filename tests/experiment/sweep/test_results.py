from __future__ import annotations

import json

import pytest

from lavarobust.errors import DataError
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.sweep.results import read_results, write_result
from lavarobust.experiment.sweep.unit import RESULT_VERSION, Unit

UNIT = Unit("row", load_recipe("digits-plain"))
RESULT = {"unit": UNIT.as_dict(), "result_version": RESULT_VERSION, "counts": {}}


def test_results_are_found_by_what_was_done_whatever_their_files_are_called(tmp_path):
    assert read_results(tmp_path / "missing") == {}
    write_result(tmp_path / "any.json", RESULT)
    assert read_results(tmp_path) == {UNIT.key: RESULT}


def test_what_is_no_result_of_today_is_passed_over(tmp_path):
    unknown = UNIT.as_dict()
    unknown["recipe"]["forgotten"] = 1
    contents = {
        "other": [1, 2],
        "table": {"rows": []},
        "older": RESULT | {"result_version": RESULT_VERSION - 1},
        "unknown": RESULT | {"unit": unknown},
        "no unit": RESULT | {"unit": {}},
    }
    for name, content in contents.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    (tmp_path / ".row.json.1234.part").write_text("{")  # of a process that was killed
    assert read_results(tmp_path) == {}


def test_a_default_that_has_changed_since_makes_another_unit(tmp_path):
    then = RESULT | {"unit": UNIT.as_dict()}
    then["unit"]["recipe"]["attack"]["steps"] = 7
    write_result(tmp_path / "then.json", then)
    assert UNIT.key not in read_results(tmp_path)


def test_a_damaged_result_is_said_with_its_file(tmp_path):
    write_result(tmp_path / "a.json", RESULT)
    content = (tmp_path / "a.json").read_bytes()
    (tmp_path / "a.json").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.json: can't be read as JSON .* Remove it, and its unit is done"):
        read_results(tmp_path)
