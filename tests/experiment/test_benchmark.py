from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import lavarobust
from lavarobust.attacks import FGSM, PGD, Square, ThreatModel
from lavarobust.attacks.campaign import ARRAYS, Target, run_suite
from lavarobust.attacks.diagnosis import Check, Diagnosis
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Member, Suite
from lavarobust.attacks.verdict import FINAL_DRAWS, judge
from lavarobust.dynamics import Surrogate
from lavarobust.errors import DataError, SettingsError
from lavarobust.experiment import benchmark as module
from lavarobust.experiment import suite_run
from lavarobust.experiment.benchmark import benchmark
from lavarobust.experiment.evaluation_folder import CLAIM_FILE
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import prepare
from lavarobust.experiment.shipped import model_path
from lavarobust.experiment.suite_run import attack_block

FEW = DataChoice(limit=24)
SMALL = Suite("small", (Member(FGSM(), Surrogate()), Member(PGD(3), Surrogate()), Member(Square(30))))


@pytest.fixture
def brief(monkeypatch):
    """A suite of seconds, no diagnosis, and blocks smaller than the images asked for."""
    monkeypatch.setattr(module, "named_suite", lambda name, rule, other: SMALL)
    monkeypatch.setattr(suite_run, "diagnose", lambda *_: Diagnosis(3, (Check("asked", True, "no"),)))
    monkeypatch.setattr(suite_run, "BLOCK", 10)


def _block(model="digits-plain") -> tuple:
    prepared = prepare(model, FEW)
    part = prepared.chosen.images
    target = Target(prepared.model, prepared.plan.as_deployment(prepared.model))
    return target, SMALL, Samples(part.images.astype(np.float32), part.labels, part.indices), ThreatModel(0.1)


def test_figures_are_those_of_the_executed_images(brief):
    report = benchmark("digits-plain", FEW, epsilons=(0.03, 0.1), backend="simulator", audited=0)
    ran = lavarobust.run("digits-plain", FEW)
    assert [result.threat.epsilon for result in report.results] == [0.03, 0.1]
    for result in report.results:
        assert result.clean.value == ran.accuracy
        assert result.differences == 0
        fell = sum(member.counts.fooled for member in result.members)
        assert result.success.count == fell == result.clean.count - result.robust.count
        assert result.members[0].counts.attempted == result.clean.count
        assert result.first.count == result.clean.count - result.members[0].counts.fooled
        assert result.operations[0] == pytest.approx(
            sum(int(layer.synops.sum()) for layer in ran.record.layers) / 24
        )
        points = dict(result.queries_curve)
        assert points[max(points)] == result.robust.value
        assert list(points.values()) == sorted(points.values(), reverse=True)
    assert report.results[1].robust.value < report.results[0].robust.value
    assert report.votes is None and report.results[0].diagnosis.unreliable
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert plain["results"][1]["robust"]["count"] == report.results[1].robust.count


def test_lava_has_the_last_word_on_the_same_images(brief):
    few = DataChoice(limit=6)
    on_lava = benchmark("digits-plain", few, backend="lava", audited=4)
    assert on_lava.backend == "lava" and on_lava.results[0].differences == 0
    here = benchmark("digits-plain", few, audited=0)
    assert on_lava.results[0].robust == here.results[0].robust
    audit = on_lava.results[0].audit
    assert audit.images == 4 and audit.differences == 0
    assert on_lava.results[0].operations == here.results[0].operations


def test_a_model_that_draws_is_judged_by_votes(brief):
    report = benchmark("digits-stog", DataChoice(limit=6), votes=3, expectation=2, audited=0)
    assert report.votes == 3 and report.expectation == 2
    assert report.results[0].differences is None
    assert report.as_dict()["votes"] == 3


def test_the_first_attack_is_judged_by_the_votes_that_judge_all(brief):
    """Those that chose its images do not."""
    asked = {"votes": 5, "expectation": 2, "epsilons": (0.15,), "audited": 0}
    [result] = benchmark("digits-stog", FEW, **asked).results
    target, suite, samples, _ = _block("digits-stog")
    target = replace(target, votes=5, expectation=2)
    end = run_suite(target, suite, samples, ThreatModel(0.15))

    def right(images):
        judged = judge(target.victim(), replace(samples, images=images), 5, FINAL_DRAWS)
        return judged.prediction == samples.labels

    assert (end.first != end.images).any()
    clean, first, last = (right(images) for images in (samples.images, end.first, end.images))
    assert result.first.count == (clean & first).sum() > result.robust.count == (clean & last).sum()
    assert result.as_dict()["first"]["count"] == result.first.count


def test_processes_blocks_and_stops_change_no_byte(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "named_suite", lambda name, rule, other: SMALL)
    monkeypatch.setattr(suite_run, "_diagnosed", lambda *_: [Diagnosis(0, ())])
    whole = benchmark("digits-plain", FEW, audited=0)
    monkeypatch.setattr(suite_run, "BLOCK", 10)
    folder = tmp_path / "kept"
    divided = benchmark("digits-plain", FEW, workers=2, folder=folder, audited=0)
    assert divided.results[0].images.tobytes() == whole.results[0].images.tobytes()
    assert divided.results[0].decided.tolist() == whole.results[0].decided.tolist()

    def nobody(*_, **__):
        raise AssertionError("everything was there already")

    monkeypatch.setattr("lavarobust.attacks.campaign.advance", nobody)
    again = benchmark("digits-plain", FEW, folder=folder, audited=0)
    assert again.results[0].images.tobytes() == whole.results[0].images.tobytes()
    assert again.results[0].members == divided.results[0].members


@pytest.mark.parametrize("stop_before", [0, 1, 2])
def test_a_stopped_block_goes_on_from_its_file(tmp_path, stop_before):
    def stopping(progress):
        if progress[2] == stop_before:
            raise KeyboardInterrupt

    whole = attack_block(*_block(), None, lambda progress: None)
    file = tmp_path / "block.npz"
    with pytest.raises(KeyboardInterrupt):
        attack_block(*_block(), file, stopping)
    told = []
    end = attack_block(*_block(), file, told.append)
    assert [made for _, _, made in told] == list(range(stop_before, 3))
    for name in ARRAYS:
        assert getattr(end, name).tobytes() == getattr(whole, name).tobytes()
    assert [path.name for path in tmp_path.iterdir()] == ["block.npz"]


def test_a_folder_of_another_evaluation_is_refused(tmp_path, brief):
    benchmark("digits-plain", DataChoice(limit=6), folder=tmp_path / "kept", audited=0)
    # another epsilon has files of its own
    benchmark("digits-plain", DataChoice(limit=6), folder=tmp_path / "kept", epsilons=(0.2,), audited=0)
    for changed, what in (
        ({"seed": 1}, "seed"),
        ({"images": DataChoice(limit=7)}, "images"),
        ({"path": "digits-adversarial"}, "models"),
    ):
        asked = {"path": "digits-plain", "images": DataChoice(limit=6)} | changed
        with pytest.raises(SettingsError, match=f"with another {what}"):
            benchmark(**asked, folder=tmp_path / "kept")


def test_a_folder_of_an_older_format_is_refused(tmp_path, brief):
    asked = {"path": "digits-plain", "images": DataChoice(limit=6), "folder": tmp_path, "audited": 0}
    benchmark(**asked)
    said = json.loads((tmp_path / CLAIM_FILE).read_text())
    (tmp_path / CLAIM_FILE).write_text(json.dumps({name: said[name] for name in said if name != "format"}))
    with pytest.raises(SettingsError, match="with another format"):
        benchmark(**asked)


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "block.npz"
    file.write_bytes(model_path("digits-plain").read_bytes())
    with pytest.raises(DataError, match=r"block\.npz"):
        attack_block(*_block(), file, lambda progress: None)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"epsilons": ()}, "at least one epsilon"),
        ({"epsilons": (0.1, 0.1)}, "twice"),
        ({"epsilons": (-0.1,)}, "epsilon"),
        ({"suite": "easy"}, "suite 'easy' is unknown"),
        ({"votes": 4}, "odd number"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_takes_time(asked, said):
    with pytest.raises(SettingsError, match=said):
        benchmark("digits-stog", DataChoice(limit=4), progress=pytest.fail, **asked)
