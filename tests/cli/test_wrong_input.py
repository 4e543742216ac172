"""Whatever is wrong: exit code 2, one line on standard error, and no file left behind."""

from __future__ import annotations

import os
import shutil

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netx_files import unprivileged
from tiny_runs import TINY, digit_arrays


def refused(answer, *words):
    assert answer.code == 2, answer
    assert answer.err.startswith("error: ") and answer.err.count("\n") == 1, answer.err
    assert answer.out == ""
    for word in words:
        assert str(word) in answer.err, answer.err


@pytest.fixture
def place(model_file, tmp_path, monkeypatch):
    """A working folder of wrong things; every test leaves in it what was there."""
    content = model_file.read_bytes()
    (tmp_path / "truncated.net").write_bytes(content[: len(content) // 2])
    (tmp_path / "text.net").write_text("not a network")
    (tmp_path / "empty.net").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    shutil.copy(model_file, tmp_path / "model.net")
    shutil.copy(model_file, tmp_path / "nan.net")
    with h5py.File(tmp_path / "nan.net", "r+") as file:
        weight = file["layer/1/weight"][:].astype(np.float32)
        weight.flat[0] = np.nan
        del file["layer/1/weight"]
        file["layer/1/weight"] = weight
    shutil.copy(model_file, tmp_path / "damaged.net")
    with h5py.File(tmp_path / "damaged.net", "r+") as file:
        del file["layer/3/weight"]
    digit_arrays(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    yield tmp_path
    assert sorted(os.listdir(tmp_path)) == before


VERBS = ("check", "run", "attack", "energy")
FILES = {
    "truncated.net": "is a damaged HDF5 file",
    "text.net": "is not an HDF5 file",
    "empty.net": "is not an HDF5 file",
    "folder": "can't be opened: Is a directory",
    "missing.net": "can't be opened: No such file",
    "nan.net": "layer/1/weight: holds NaN",
    "damaged.net": "layer/3/weight: is missing",
}


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_is_no_network(cli, place, verb, file):
    extra = ("--json", "result.json") if verb == "check" else ("--json", "result.json", "--limit", 2)
    refused(cli(verb, file, *extra), file, FILES[file])


ARRAYS = {
    "shape": (np.zeros((3, 7, 8), np.float32), np.zeros(3, int), "images are (1, 7, 8), the model takes"),
    "none": (np.zeros((0, 8, 8), np.float32), np.zeros(0, int), "holds no image"),
    "one number": (np.zeros((), np.float32), np.zeros(1, int), "shape"),
    "nan": (np.full((3, 8, 8), np.nan, np.float32), np.zeros(3, int), "NaN"),
    "bytes as floats": (np.full((3, 8, 8), 255.0, np.float32), np.zeros(3, int), "Give float pixels"),
    "fewer labels": (np.zeros((3, 8, 8), np.float32), np.zeros(2, int), "2 labels for 3 images"),
    "other classes": (np.zeros((3, 8, 8), np.float32), np.full(3, 10), "labels go up to 10"),
    "negative": (np.zeros((3, 8, 8), np.float32), np.full(3, -1), "-1"),
    "pickled": (np.array([{}], dtype=object), np.zeros(1, int), "holds object"),
}


@pytest.mark.parametrize("case", ARRAYS)
def test_images_that_do_not_fit(cli, place, case):
    images, labels, words = ARRAYS[case]
    np.save("folder/x.npy", images, allow_pickle=True)
    np.save("folder/y.npy", labels)
    refused(cli("run", "model.net", "--images", "folder/x.npy", "--labels", "folder/y.npy"), words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("run model.net --limit 0", "--limit 0: at least one image is needed"),
        ("run model.net --limit x", "'x' is not a valid integer"),
        ("run model.net --steps 0", "--steps 0: a window needs at least one step"),
        ("run model.net --steps -3", "--steps -3"),
        ("run model.net --steps 99999999999", "a window has at most 65536 steps"),
        ("run model.net --levels 0", "--levels 0: pixels need at least one level"),
        ("run model.net --levels 99999999999 --limit 2", "Give fewer levels"),
        ("run model.net --encoding morse", "'morse' is not one of 'direct', 'repeat', 'rate'"),
        ("run model.net --readout ear", "'ear' is not one of 'membrane', 'spike_count'"),
        ("run model.net --backend abacus", "'abacus' is not one of 'simulator', 'lava', 'loihi2'"),
        ("run model.net --workers 2", "'simulator' runs in one process. Leave out --workers, or choose lava"),
        ("run model.net --backend lava --strict", "Leave out --strict, or choose simulator"),
        ("run model.net --backend lava --workers 0", "0 is not in the range x>=1"),
        ("run model.net --part middle", "'middle' is not one of"),
        ("run model.net --data nowhere", "nowhere: no such data set"),
        ("run model.net --data mnist", "--data-root"),
        ("run model.net --data mnist --data-root folder", "Put MNIST's four files"),
        ("run model.net --data-root missing --data mnist", "missing: no such folder"),
        ("run model.net --images images.npy", "--images and --labels belong together"),
        ("run model.net --labels labels.npy", "--images and --labels belong together"),
        ("run model.net --data digits --images images.npy --labels labels.npy", "give one of them"),
        ("run model.net --images missing.npy --labels labels.npy", "missing.npy"),
        ("run model.net --images text.net --labels labels.npy", "text.net"),
        ("run model.net --images folder --labels labels.npy", "folder"),
        ("run model.net --json missing/a.json", "missing/a.json: can't be written"),
        ("run model.net --json folder", "folder: can't be written (is a folder)"),
        ("run model.net --limt 3", "No such option"),
        ("run", "Missing argument 'FILE'"),
        ("fly", "No such command 'fly'"),
        ("--fly", "No such option"),
        ("attack model.net --epsilon -1", "epsilon -1.0 is impossible"),
        ("attack model.net --epsilon nan", "epsilon nan is impossible"),
        ("attack model.net --epsilon 8", "Write 8/255 as 0.0314"),
        ("attack model.net --attack-steps 0", "PGD with steps=0 does nothing"),
        ("attack model.net --restarts 0", "PGD with restarts=0 does nothing"),
        ("attack model.net --surrogate step", "gradient rule 'step' is unknown"),
        ("attack model.net --width 0", "surrogate width 0.0 is impossible"),
        ("attack model.net --width nan", "surrogate width nan is impossible"),
        ("attack model.net --attack magic", "'magic' is not one of 'fgsm', 'pgd'"),
        ("attack model.net --save missing/a.npz", "missing/a.npz: can't be written"),
        ("energy model.net --profile gold", "no price table 'gold'. Choose one of: darwin3_ma2024"),
        ("energy model.net --profile ./text.net", "not readable as TOML"),
        ("energy model.net --profile missing.toml", "no such file"),
        ("energy model.net --rule fair", "no energy rule 'fair'. Choose one of: executed"),
        ("energy model.net --rule hire-eq7 --limit 2", "Eq. 7 is for spikes"),
        ("check model.net --target moon", "'moon' is not one of 'lava', 'loihi1', 'loihi2'"),
        ("check", "give one FILE, or --recipe NAME"),
        ("check model.net steps=3", "give one FILE, or --recipe NAME"),
        ("check --recipe digits-plain --input-shape 1,8,8", "--input-shape belongs to a FILE"),
        ("check --recipe digits-plane", "no such recipe"),
        ("check model.net --input-shape big", "--input-shape big: write it as C,H,W"),
        ("check model.net --input-shape 3,9,9", "itself says (1, 8, 8)"),
        ("check model.net --json missing/a", "missing/a: can't be written"),
        ("train", "Missing argument 'RECIPE'"),
        ("train digit", "digit: no such recipe"),
        ("train text.net --out r", "text.net: is not a mapping"),
        ("train folder --out r", "folder: can't be read as text"),
        ("train digits-plain colour=3 --out r", "colour is not a known key"),
        ("train digits-plain training.epochs=0 --out r", "training.epochs is 0"),
        ("train digits-plain epochs --out r", "override 'epochs' is not understood"),
        ("train digits-plain data.name=nowhere --out r", "nowhere: no such data set"),
        ("train digits-plain --out text.net", "text.net: is there already and holds no run"),
        ("train digits-plain --out text.net/r", "text.net/r: can't be made"),
        ("train digits-plain --resume --force", "give one of them"),
        ("train digits-plain --json missing/a --out r", "missing/a: can't be written"),
        ("export missing", "missing: holds no run"),
        ("export folder", "folder: holds no run"),
        ("export text.net", "text.net: holds no run"),
        ("report", "Missing argument 'RUNS...'"),
        ("report folder", "folder: holds no run"),
        ("report missing", "missing: holds no run"),
    ],
)
def test_an_impossible_request(cli, place, arguments, words):
    refused(cli(*arguments.split()), words)


PRICES = """title = "mine"
node_nm = 28
voltage = 0.8
[prices.accumulate]
value = 2
unit = "pJ"
precision = "INT8"
source = "a paper"
evidence = "measured"
scope = "per-term"
[prices.multiply_accumulate]
value = 3
unit = "pJ"
precision = "INT8"
source = "a paper"
evidence = "measured"
scope = "per-term"
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('unit = "pJ"\n', "", "line 4: prices.accumulate.unit: missing"),
        (
            "value = 3",
            "value = -3",
            "line 12: prices.multiply_accumulate.value: Input should be greater than 0",
        ),
        (
            '"measured"',
            '"sure"',
            "line 9: prices.accumulate.evidence: 'sure' is not allowed. Allowed: 'unstated'",
        ),
        (
            "per-term",
            "all-in",
            "line 17: prices.multiply_accumulate.scope: all-in and per-term prices in one",
        ),
        ("title =", "title", "not readable as TOML"),
    ],
)
def test_a_broken_price_table_is_refused_with_its_line(cli, model_file, tmp_path, old, new, words):
    table = tmp_path / "mine.toml"
    table.write_text(PRICES.replace(old, new, 1))
    refused(cli("energy", model_file, "--limit", 2, "--profile", table), str(table), words)


def test_limits_of_a_chip_give_no_energy(cli, model_file, tmp_path):
    table = tmp_path / "chip.toml"
    limit = 'value = 128\nunit = "cores"\nsource = "a paper"\nevidence = "documented"\n'
    table.write_text(f'title = "a chip"\n[limits.cores_per_chip]\n{limit}')
    refused(cli("energy", model_file, "--limit", 2, "--profile", table), "no prices", "--profile mine.toml")


def test_a_run_that_is_there_is_neither_overwritten_nor_confused(cli, run_folder):
    before = {file: file.read_bytes() for file in run_folder.iterdir() if file.is_file()}
    refused(cli("train", "digits-plain", *TINY, "--out", run_folder), "holds a finished run", "--force")
    refused(cli("train", "digits-plain", *TINY, "seed=1", "--out", run_folder, "--resume"), "seed = 0, and 1")
    refused(cli("export", run_folder, "--out", run_folder / "missing" / "a.net"), "can't be written")
    refused(cli("report", run_folder, "--out", run_folder / "recipe.yaml"), "can't be made")
    assert {file: file.read_bytes() for file in run_folder.iterdir() if file.is_file()} == before


def test_an_unfinished_run_is_neither_exported_nor_reported(cli, run_folder, tmp_path):
    folder = tmp_path / "r"
    folder.mkdir()
    shutil.copy(run_folder / "recipe.yaml", folder)
    for verb in ("export", "report"):
        refused(cli(verb, folder), "its training is not finished. Go on with it: --resume")
    assert os.listdir(folder) == ["recipe.yaml"]


@pytest.mark.parametrize("content", ["{", "{}", "[]", '{"conditions": 3}', '{"conditions": [{}]}'])
def test_a_damaged_evaluation_is_refused(cli, run_folder, tmp_path, content):
    folder = tmp_path / "r"
    shutil.copytree(run_folder, folder)
    (folder / "evaluation.json").write_text(content)
    refused(cli("report", folder), "evaluation.json")
    assert not (folder / "report.md").exists()


def test_a_folder_that_may_not_be_written(cli, model_file):
    with unprivileged(0o555) as folder:
        (json, net) = (folder / "a.json", folder / "a.npz")
        refused(cli("check", model_file, "--json", json), f"{json}: can't be written (Permission denied)")
        refused(cli("attack", model_file, "--save", net), f"{net}: can't be written (Permission denied)")
        refused(cli("train", "digits-plain", "--out", folder / "r"), "can't be made (Permission denied)")
        assert os.listdir(folder) == []


def test_a_lack_of_memory_is_said(cli, model_file, monkeypatch):
    from lavarobust.execution.simulator import Simulator

    def hungry(*arguments):
        np.zeros(1 << 60, np.int8)

    monkeypatch.setattr(Simulator, "run", hungry)
    refused(cli("run", model_file), "not enough memory. Use fewer images (--limit)")


WORDS = ("", "nan", "inf", "-1e9", "0x", "1,2", "--", "\x00", "é")
NUMBERS = st.one_of(st.integers(-3, 0), st.sampled_from(WORDS))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    flag=st.sampled_from(["--limit", "--steps", "--levels", "--data", "--images", "--epsilon", "--width"]),
    value=NUMBERS,
)
def test_nonsense_behind_a_flag(cli, model_file, tmp_path_factory, flag, value):
    answer = cli("attack", model_file, f"{flag}={value}", "--attack", "fgsm")
    if flag == "--epsilon" and value == 0:
        assert answer.code == 0
    else:
        refused(answer)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_with_flipped_bytes_runs_or_is_refused(cli, model_file, tmp_path_factory, data):
    content = bytearray(model_file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("flipped") / "model.net"
    file.write_bytes(content)
    answer = cli("run", file, "--limit", 2)
    if answer.code != 0:
        refused(answer)
