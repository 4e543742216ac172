from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from lavarobust.errors import ModelFileError
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run_folder import RunFolderError
from lavarobust.experiment.shipped import model_path
from lavarobust.reporting.page.subject import check_named, find_subject

FEW = DataChoice(limit=3)


@pytest.fixture
def published(tmp_path):
    """A model of the package and its card, beside each other."""
    source = model_path("digits-plain")
    for suffix in (".net", ".json"):
        shutil.copy(source.with_suffix(suffix), tmp_path / f"mine{suffix}")
    return tmp_path / "mine.net"


def test_a_model_of_the_package_comes_with_its_card():
    subject = find_subject("digits-plain", FEW)
    content = model_path("digits-plain").read_bytes()
    assert (subject.name, subject.sha256) == ("digits-plain", hashlib.sha256(content).hexdigest())
    assert subject.evaluation["samples"] == 539 and subject.split["split"]["test"]["samples"] == 539
    assert set(subject.versions) == {"training", "export"}
    assert subject.recipe.name == "digits-plain" and subject.folder is None
    # a page may be shown to anybody: no folder of this machine
    assert subject.model.name == "digits-plain.net"


def test_a_card_of_another_file_is_left_out(published):
    card = json.loads(published.with_suffix(".json").read_text())
    published.with_suffix(".json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    subject = find_subject(published, FEW)
    assert (subject.name, subject.evaluation, subject.split) == ("mine", {}, {})
    assert set(subject.versions) == {"export"}


@pytest.mark.parametrize("content", ["", "[]", "{", "\udcff", "[" * 100_000])
def test_a_card_that_is_none_is_left_out(published, content):
    published.with_suffix(".json").write_bytes(content.encode("utf-8", "surrogateescape"))
    assert find_subject(published, FEW).evaluation == {}


def test_a_suites_result_is_taken_for_its_own_file_only(published):
    sha256 = hashlib.sha256(published.read_bytes()).hexdigest()
    where = published.with_name("mine.suite.json")
    where.write_text(json.dumps({"sha256": sha256, "suite": "quick"}))
    assert find_subject(published, FEW).suite["suite"] == "quick"
    where.write_text(json.dumps({"sha256": "0", "suite": "quick"}))
    subject = find_subject(published, FEW)
    assert subject.suite == {} and "mine.suite.json is of another model file" in subject.assumptions[-1]


def test_what_is_neither_run_nor_file_is_refused(tmp_path):
    for argument in (tmp_path, tmp_path / "missing"):
        with pytest.raises(RunFolderError, match="holds no run"):
            check_named(argument)
    check_named("digits-plain")
    check_named(tmp_path / "missing.net")
    with pytest.raises(ModelFileError, match=r"missing\.net"):
        find_subject(tmp_path / "missing.net", FEW)
