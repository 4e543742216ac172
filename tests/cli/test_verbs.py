"""Every verb does what its Python call does, prints it, and writes it as JSON."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from tiny_runs import SAYS, TINY, digit_arrays, stripped

import lavarobust
from lavarobust import DataChoice, PlanChoice
from lavarobust.attacks import FGSM, PGD
from lavarobust.dynamics import Surrogate
from lavarobust.netx import Conv, Dense, Flatten, Model, write_model
from lavarobust.netx.model import READOUT
from lavarobust.reporting import demo as demo_module
from netx_models import shipped


def written(path):
    return json.loads(path.read_text())


def plain(value):
    """As JSON gives it back."""
    return json.loads(json.dumps(value))


def test_train_says_what_it_kept_and_what_comes_next(cli, tmp_path):
    folder, result = tmp_path / "r", tmp_path / "result.json"
    answer = cli("train", "digits-plain", *TINY, "--out", folder, "--quiet", "--json", result)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("trained for 2 epochs; kept epoch ")
    assert answer.out.splitlines()[1:] == [
        f"run folder: {folder}",
        f"next: lavarobust export {folder}",
        f"wrote {result}",
    ]
    again = lavarobust.train("digits-plain", folder, overrides=TINY, resume=True, progress="off")
    assert written(result) == plain(again.as_dict())
    assert cli("train", "digits-plain", *TINY, "--out", folder, "--resume", "--quiet").out == "".join(
        line + "\n" for line in answer.out.splitlines()[:-1]
    )
    one = [*TINY, "training.epochs=1", "training.frozen_epochs=0"]
    forced = cli("train", "digits-plain", *one, "--out", folder, "--force")
    assert forced.out.startswith("trained for 1 epoch; kept epoch 1")
    assert forced.err.startswith("epoch 1/1: loss ")


def test_export_shows_accuracies_and_ranges(cli, run_folder, tmp_path):
    folder, result, file = tmp_path / "r", tmp_path / "result.json", tmp_path / "other.net"
    shutil.copytree(run_folder, folder)
    answer = cli("export", folder, "--out", file, "--allow-overflow", "--json", result)
    assert (answer.code, answer.err) == (0, "")
    made = lavarobust.export(folder, file, allow_overflow=True)
    assert written(result) == plain(made.as_dict())
    assert f"{made.deployed_accuracy:.1%}" in answer.out and "cannot overflow" in answer.out
    assert f"next: lavarobust run {file} --backend lava" in answer.out


@pytest.mark.parametrize("target", ["lava", "loihi2"])
def test_check_counts_its_findings(cli, model_file, tmp_path, target):
    result = tmp_path / "result.json"
    answer = cli("check", model_file, "--target", target, "--json", result)
    assert (answer.code, answer.err) == (0, "")
    assert f"{model_file}: 0 errors, 0 warnings, 1 note (target {target})" in answer.out
    assert "reset_interval=4, reset_offset=1)" in answer.out
    assert written(result) == plain(lavarobust.check(model_file, target).as_dict())


def test_check_ends_with_1_where_a_target_would_do_something_else(cli, model_file, tmp_path):
    import h5py

    file = stripped(model_file, tmp_path)
    with h5py.File(file, "r+") as content:
        content["layer/3/weight"][0, 0] = 301
    answer = cli("check", file)
    assert answer.code == 1
    assert "error: 3 dense: the stock loader changes 1 of " in answer.out
    assert f"{file}: 1 error, 1 warning, 1 note (target lava)" in answer.out


def test_check_shows_the_cores_of_each_layer(cli, model_file):
    answer = cli("check", model_file, "--target", "loihi1")
    assert answer.code == 1  # its image carries payloads
    lines = [" ".join(line.split()) for line in answer.out.splitlines()]
    assert "layer neurons weights unrolled compartments memory fan-in fan-out cores bound by" in lines
    assert "1 conv 64 36 484 1 1 1 1 1 -" in lines
    assert "  2 cores on 1 chip of 128" in answer.out
    assert "no limit is published of fan-in, fan-out" in cli("check", model_file, "--target", "loihi2").out


def test_check_of_a_recipe(cli, tmp_path):
    result = tmp_path / "result.json"
    answer = cli(
        "check", "--recipe", "digits-hire", "--target", "loihi2", "network.steps=8", "--json", result
    )
    assert (answer.code, answer.err) == (1, "")
    assert "recipe digits-hire: 2 errors, 0 warnings, 1 note (target loihi2)" in answer.out
    assert "its weights are random" in answer.out
    assert written(result)["fit"]["cores"] == 3


def test_a_strict_run_stops_where_an_integer_does_not_fit(cli, model_file, tmp_path):
    fits = cli("run", model_file, "--strict", "--limit", 3)
    assert (fits.code, fits.err) == (0, "")
    weight = np.full((2, 1, 1, 1), 254, dtype=np.int32)
    wide = Model(
        (Conv(weight, READOUT, (2, 1, 2)), Flatten(), Dense(np.array([[2, -2, 2, -2]]), READOUT)), (1, 1, 2)
    )
    file = tmp_path / "wide.net"
    write_model(wide, file)
    np.save(tmp_path / "images.npy", np.ones((1, 1, 2), dtype=np.float32))
    np.save(tmp_path / "labels.npy", np.zeros(1, dtype=np.int64))
    flags = ("--images", tmp_path / "images.npy", "--labels", tmp_path / "labels.npy")
    flags += ("--steps", 2, "--encoding", "direct", "--levels", 50_000, "--readout", "membrane")
    counted = cli("run", file, *flags)
    assert counted.code == 0
    assert "warning: 0 conv: 4 synaptic sums did not fit and lost bits" in counted.out
    refused = cli("run", file, *flags, "--strict")
    assert refused.code == 2 and refused.out == ""
    assert refused.err.startswith("error: 0 conv: 4 synaptic sums or inputs lost bits")
    assert "the first at step 0 of sample 0, neuron (channel 0, row 0, column 0)." in refused.err


def test_run_prints_accuracy_and_counts_alike_on_both_backends(cli, model_file, tmp_path):
    answers = {}
    for backend in ("simulator", "lava"):
        result = tmp_path / f"{backend}.json"
        answer = cli(
            "run", model_file, "--backend", backend, "--part", "validation", "--limit", 10, "--json", result
        )
        assert (answer.code, answer.err) == (0, "")
        assert f"10 images of digits validation, 4 steps each, executed on {backend}" in answer.out
        answers[backend] = (written(result), answer.out.replace(backend, "X"))
    assert answers["simulator"][0] | {"backend": "lava"} == answers["lava"][0]
    assert answers["simulator"][1] == answers["lava"][1]
    result = lavarobust.run(model_file, DataChoice(part="validation", limit=10))
    assert answers["simulator"][0] == plain(result.as_dict())
    flags = ("--part", "validation", "--limit", 10, "--json", tmp_path / "two.json")
    divided = cli("run", model_file, "--backend", "lava", "--workers", 2, *flags)
    assert (divided.code, divided.err) == (0, "")
    assert written(tmp_path / "two.json") == answers["lava"][0]
    layer = result.record.layers[0]
    row = next(line for line in answers["lava"][1].splitlines() if "1 conv" in line).split()
    assert row[2:7] == [
        "64", f"{layer.spikes.sum() / 10:,.1f}", f"{layer.synops.sum() / 10:,.1f}", "MAC", "0.0",
    ]  # fmt: skip


def test_a_file_that_says_nothing_runs_with_flags_or_with_printed_assumptions(cli, model_file, tmp_path):
    file = stripped(model_file, tmp_path)
    images, labels = digit_arrays(tmp_path)
    own = ("--images", images, "--labels", labels)
    known = cli("run", model_file, *own)
    assert cli("run", file, *own, *SAYS) == known
    by_name = cli("run", file, "--data", "digits", "--data-root", tmp_path, "--limit", 3)
    assert by_name.code == 0 and "3 images of digits test, 16 steps each" in by_name.out
    assert by_name.err.splitlines() == [
        f"note: assumed --{flag}: the file does not say"
        for flag in ("steps 16", "encoding direct", "levels 255", "readout membrane", "mean 0 --std 1")
    ]
    some = cli("run", file, *own, *SAYS[:4])
    assert [line.split()[2] for line in some.err.splitlines()] == ["--levels", "--readout", "--mean"]
    one = cli("run", file, *own, *SAYS, "--mean", "0", "--std", "1,1")
    assert (one.code, one.out) == (2, "")
    assert one.err.count("\n") == 1 and "--mean and --std hold 1 and 2 numbers" in one.err
    assert cli("run", file, *own, *SAYS, "--mean", "0", "--std", "1") == known
    assert "'x' is not a number" in cli("run", file, *own, *SAYS, "--mean", "x", "--std", "1").err


@pytest.mark.parametrize("verb", ["run", "attack", "energy"])
def test_a_file_without_data_is_one_error_that_names_the_flags(cli, model_file, tmp_path, verb):
    answer = cli(verb, stripped(model_file, tmp_path))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.count("\n") == 1
    assert all(flag in answer.err for flag in ("--data", "--images", "--labels"))


@pytest.mark.parametrize(("name", "shape"), [("tiny.net", (3, 16, 16)), ("mnist.net", (28, 28))])
def test_files_of_lava_dl_run_and_are_attacked_with_own_images(cli, tmp_path, name, shape):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((3, *shape)).astype(np.float32))
    np.save(tmp_path / "y.npy", np.array([1, 2, 3]))
    own = ("--images", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--steps", 6)
    for verb in (("run",), ("attack", "--attack-steps", 2, "--epsilon", 0.2), ("energy",)):
        answer = cli(*verb[:1], shipped(name), *verb[1:], *own)
        assert answer.code == 0, answer.err
        assert "3 images of x.npy, 6 steps each" in answer.out
        assert "note: assumed --encoding direct: the file's input layer makes " in answer.err
        assert "Traceback" not in answer.err


def test_attack_shows_every_attack_and_the_worst_per_image(cli, model_file, tmp_path):
    images, labels = digit_arrays(tmp_path)
    result, saved = tmp_path / "result.json", tmp_path / "adversarial.npz"
    flags = (
        "attack", model_file, "--epsilon", 0.05, "--epsilon", 0.2, "--attack", "fgsm", "--attack", "pgd",
        "--attack-steps", 3, "--restarts", 2, "--surrogate", "rectangular", "--width", 0.5, "--seed", 7,
        "--images", images, "--labels", labels, *SAYS,
    )  # fmt: skip
    answer = cli(*flags, "--save", saved, "--json", result)
    assert answer.code == 0
    report = lavarobust.attack(
        model_file,
        DataChoice(images=str(images), labels=str(labels)),
        PlanChoice(4, "direct", 16, "membrane"),
        attacks=(FGSM(), PGD(steps=3, restarts=2)),
        epsilons=(0.05, 0.2),
        rule=Surrogate("rectangular", 0.5),
        seed=7,
    )
    assert written(result) == plain(report.as_dict())
    with np.load(saved) as arrays:
        assert np.array_equal(arrays["images"], report.result.outcomes[-1].images)
        assert np.array_equal(arrays["labels"], np.load(labels))
    names = [line[2:17].strip() for line in answer.out.splitlines()[2:9]]
    assert names == ["clean", "FGSM", "PGD-3x2", "worst per image", "FGSM", "PGD-3x2", "worst per image"]
    assert "12 images of images.npy, 4 steps each, executed on simulator" in answer.out
    assert "warning" not in answer.out
    assert answer.err.splitlines()[0] == "clean images on simulator: 12/12"
    on_lava = cli(*flags, "--backend", "lava", "--json", result)
    assert written(result) == plain(report.as_dict()) | {"backend": "lava"}
    table = slice(1, 9)
    assert on_lava.out.splitlines()[table] == answer.out.splitlines()[table]


def test_energy_prices_with_every_table_and_rule_asked_for(cli, model_file, tmp_path):
    result = tmp_path / "result.json"
    answer = cli(
        "energy", model_file, "--limit", 5, "--json", result,
        "--profile", "horowitz_45nm_int32", "--rule", "executed", "--rule", "hire-eq8",
    )  # fmt: skip
    assert (answer.code, answer.err) == (0, "")
    report = lavarobust.bill(
        model_file,
        DataChoice(limit=5),
        profiles=("horowitz_45nm_int32",),
        rules=("executed", "hire-eq8"),
    )
    assert written(result) == plain(report.as_dict())
    assert answer.out.count("horowitz_45nm_int32, rule ") == len(report.bills) == 2
    assert f"{report.bills[0].total_pj.mean:,.1f}" in answer.out
    assert "executed and counted on simulator; priced, not measured" in answer.out
    assert "not in the total, per image: " in answer.out
    on_lava = cli("energy", model_file, "--limit", 5, "--backend", "lava", "--rule", "executed")
    simulated = cli("energy", model_file, "--limit", 5, "--rule", "executed")
    assert on_lava.out == simulated.out.replace("simulator", "lava")


def test_a_name_of_the_package_s_models_is_a_file(cli):
    answer = cli("check", "digits-plain")
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("verb", ["run", "attack", "energy"])
def test_loihi2_is_one_error_that_says_what_is_missing(cli, model_file, verb):
    answer = cli(verb, model_file, "--limit", 2, "--backend", "loihi2")
    assert answer.code == 2 and answer.err.count("\n") == 1 and answer.out == ""
    assert answer.err.startswith("error: the backend 'loihi2' needs lava-loihi")


def test_report_compares_runs_and_tells_their_files(cli, run_folder, tmp_path):
    first, second, out = tmp_path / "a", tmp_path / "b", tmp_path / "report"
    for folder in (first, second):
        shutil.copytree(run_folder, folder)
    (first / "model.net").unlink()
    answer = cli("report", first, second, "--out", out)
    assert answer.code == 0, answer.err
    assert answer.err.startswith(f"-- exporting {first}\n-- digits-plain: attacking 60 images\n")
    for word in ("Accuracy", "clean", "PGD-3 at 0.1", "Lava", "Energy", "horowitz_45nm_fp32"):
        assert word in answer.out
    assert "…" not in answer.out
    page = out / "report.html"
    for file in (page, page.with_suffix(".md"), first / "model.net", second / "evaluation.json"):
        assert f"  {file}\n" in answer.out and file.is_file()
    again = cli("report", first, second, "--out", out)
    assert again.out == answer.out and "--" not in again.err


def test_report_takes_a_file_alone(cli, model_file, tmp_path):
    answer = cli(
        "report", model_file, "--limit", 6, "--attacked", 2, "--epsilon", 0.1, "--out", tmp_path / "out"
    )
    assert answer.code == 0, answer.err
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"report.html", "report.md", "report.json"}
    assert "Clean accuracy" in answer.out and "6 images" in answer.out and "…" not in answer.out


def test_a_stopped_report_leaves_nothing(cli, model_file, tmp_path, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("lavarobust.reporting.write.html", stop)
    answer = cli("report", model_file, "--limit", 4, "--attacked", 0, "--out", tmp_path / "out")
    assert (answer.code, answer.err.splitlines()[-1]) == (130, "stopped")
    assert not list((tmp_path / "out").iterdir())


def test_demo_trains_deploys_and_reports_both_networks(cli, tmp_path, monkeypatch):
    train = demo_module.train

    def quick(name, folder, **options):
        objective = ["training.objective.steps=1"] if name == "digits-adversarial" else []
        return train(name, folder, overrides=[*TINY, "data.limit=20", *objective], progress="off", **options)

    monkeypatch.setattr(demo_module, "train", quick)
    answer = cli("demo", "--out", tmp_path / "demo")
    assert answer.code == 0, answer.err
    for name in ("digits-plain", "digits-adversarial"):
        assert (tmp_path / "demo" / name / "model.net").is_file()
        assert f"-- {name}: training\n-- {name}: deploying\n" in answer.err
    assert cli("demo", "--out", tmp_path / "demo", "--force").out == answer.out


def test_run_prints_the_spread_over_draws(cli, model_file):
    flags = ("run", model_file, "--encoding", "rate", "--limit", 20)
    answer = cli(*flags, "--draws", 2)
    assert (answer.code, answer.err) == (0, "")
    one, other = lavarobust.run(
        model_file, DataChoice(limit=20), PlanChoice(encoding="rate"), draws=2
    ).draw_accuracies
    mean, deviation = (one + other) / 2, abs(one - other) / 2**0.5
    assert f"over 2 draws: {mean:.1%}, standard deviation {deviation:.1%}\n" in answer.out
    assert "draws:" not in cli(*flags).out
