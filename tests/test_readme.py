"""What the README tells a stranger to type exists, and what it reports is what the cards say."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import nbformat
import pytest

import lavarobust
from lavarobust.cli.application import application
from lavarobust.experiment.loading import builtin, builtin_recipes
from lavarobust.experiment.shipped import shipped_models
from lavarobust.experiment.sweep.equal_accuracy import equal_accuracy
from lavarobust.experiment.sweep.file import load_sweep
from lavarobust.experiment.sweep.gather import gather
from lavarobust.experiment.sweep.plan import plan_sweep
from lavarobust.reporting.embed import DEMO, markers
from lavarobust.reporting.equal_accuracy import equal_accuracy_tables
from lavarobust.reporting.sweep_tables import sweep_tables
from lavarobust.reporting.tables import accuracy_table, energy_table, work_table

ROOT = Path(__file__).resolve().parents[1]
TABLES = (accuracy_table, work_table, energy_table)
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NOTEBOOKS = "\n".join(
    cell.source
    for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
    for cell in nbformat.read(path, as_version=4).cells
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")


def blocks(text: str, language: str) -> list[str]:
    return [body for found, body in FENCE.findall(text) if found == language]


def typed(text: str, program: str) -> list[list[str]]:
    """Arguments of every command line of a program, in blocks and in the running text."""
    lines = [line for block in blocks(text, "") for line in block.splitlines()]
    lines += INLINE.findall(FENCE.sub("", text))
    return [words[1:] for line in lines if (words := shlex.split(line))[:1] == [program]]


@pytest.mark.parametrize("text", [README, NOTEBOOKS], ids=["README", "notebooks"])
def test_every_command_line_is_understood(text):
    lines = typed(text, "lavarobust")
    assert len(lines) >= 3
    for verb, *arguments in lines:
        if verb in ("VERB", "--help"):
            continue
        command = application.commands[verb]
        if arguments:
            assert command.make_context(verb, arguments).params


def test_the_readme_shows_every_verb():
    assert {arguments[0] for arguments in typed(README, "lavarobust")} >= set(application.commands)


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_target_and_variable_of_make_exists(text):
    makefile = (ROOT / "Makefile").read_text()
    lines = typed(text, "make")
    assert len(lines) >= 3
    for words in lines:
        for word in words:
            name = word.split("=")[0]
            known = rf"^{name} [?:]?=|^ifn?eq \(\$\({name}\)|\$\({name}\)" if "=" in word else rf"^{name}:"
            assert re.search(known, makefile, re.MULTILINE), f"make {word}"


@pytest.mark.parametrize("text", [README, CONTRIBUTING], ids=["README", "CONTRIBUTING"])
def test_every_file_and_folder_it_names_is_there(text):
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    first = "|".join(("lavarobust", "tests", "netx_models", "hw_profiles", "notebooks", "requirements"))
    paths = [name for name in INLINE.findall(text) if re.match(rf"({first})/\S*$", name)]
    assert paths
    for name in (*links, *paths):
        assert (ROOT / name).exists(), name


def test_recipes_and_models_it_names_are_in_the_package():
    named = set(re.findall(r"`((?:digits|n?mnist|cifar)-[a-z-]+)`", README))
    assert named - set(builtin("sweep")) == set(builtin_recipes())
    for verb, *arguments in typed(README, "lavarobust"):
        if verb == "run" and arguments and re.fullmatch(r"[a-z-]+", arguments[0]):
            assert arguments[0] in shipped_models()


def test_its_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = blocks(README, "python")
    assert len(code) == 2
    for block in code:
        exec(compile(block, "README.md", "exec"), {})
    assert (tmp_path / "runs" / "python" / "model.net").is_file()
    context = application.commands["train"].make_context(
        "train", ["digits-plain", "data.name=mine.npz", "training.epochs=1", "training.frozen_epochs=0"]
    )
    application.commands["train"].invoke(context)


def test_its_sweep_can_be_expanded(tmp_path):
    [text] = blocks(README, "yaml")
    (tmp_path / "sweep.yaml").write_text(text)
    name, units, *_ = load_sweep(tmp_path / "sweep.yaml")
    assert f"lavarobust sweep {name}.yaml --dry-run" in README
    assert [unit.row for unit in units] == [row for row in ("vanilla", "AT", "AT longer") for _ in range(3)]


def test_its_files_of_a_run_are_those_a_run_has(tmp_path, monkeypatch):
    table = README.split("## Files of a run folder")[1].split("## ")[0]
    named = {name.rstrip("/") for row in table.splitlines() if row.startswith("| `") for name in
             INLINE.findall(row.split("|")[1])}  # fmt: skip
    small = ["training.epochs=1", "training.frozen_epochs=0", "data.limit=10", "attack.steps=1"]
    run = tmp_path / "run"
    lavarobust.train("digits-plain", run, overrides=small, progress="off")
    lavarobust.report([run])
    assert {file.name for file in run.iterdir()} == named


def test_its_tables_are_those_of_the_shipped_models():
    """Regenerate both with `make models`."""
    cards = [
        json.loads((ROOT / "netx_models" / f"{name}.json").read_text())
        for name in ("digits-plain", "digits-adversarial")
    ]
    evaluations = [card["evaluation"] for card in cards]
    tables = "\n\n".join(table(evaluations).markdown() for table in TABLES)
    begin, end = markers(DEMO)
    assert README.split(begin)[1].split(end)[0].strip() == tables


def test_its_table_of_the_defences_is_that_of_the_committed_results(tmp_path):
    """Rewrite it with `make defenses`, which does what is not done yet."""
    name = "mnist-defenses"
    committed = ROOT / "benchmarks" / "results" / name
    plan = plan_sweep(name, tmp_path, committed)
    assert 0 < len(plan.done) == len(list(committed.glob("*.json"))), "results of other recipes than today's"
    tables = sweep_tables(gather(plan.units, plan.done), plan.against)
    begin, end = markers(name)
    text = "\n\n".join(table.markdown() for table in tables)
    assert README.split(begin)[1].split(end)[0].strip() == text


def test_its_comparison_at_equal_accuracy_is_that_of_the_committed_results(tmp_path):
    """Rewrite it with `make comparison`, which does what is not done yet."""
    name = "hire-energy"
    committed = ROOT / "benchmarks" / "results" / name
    plan = plan_sweep(name, tmp_path, committed)
    assert len(plan.units) == len(plan.done) == len(list(committed.glob("*.json")))
    found = equal_accuracy(gather(plan.units, plan.done), plan.axis, plan.equal_accuracy)
    begin, end = markers(name)
    text = "\n\n".join(table.markdown() for table in equal_accuracy_tables(found))
    assert README.split(begin)[1].split(end)[0].strip() == text


def test_help_of_make_names_its_targets():
    shown = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True)
    for target in ("demo", "test", "models", "clean"):
        assert target in shown.stdout
