from __future__ import annotations

import numpy as np
import pytest

from lavarobust.data import load
from lavarobust.errors import BackendError, ModelFileError, SettingsError
from lavarobust.execution.simulator import Simulator
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.network_scores import network_scores
from lavarobust.experiment.plan import execute
from lavarobust.experiment.run import PlanChoice, command_words, prepare, run
from lavarobust.experiment.train import load_network


def test_a_file_says_what_the_network_in_training_said(run_folder, model_file):
    test = load("digits", limit=60).test
    result = run(model_file)
    assert np.array_equal(result.record.scores, network_scores(load_network(run_folder), test))
    assert result.accuracy == np.mean(result.record.prediction == test.labels)
    assert result.assumptions == () and result.source == "digits test"


def test_ties_counted_as_wrong_and_totals_by_hand(model_file):
    result = run(model_file, DataChoice(limit=9), PlanChoice(readout="spike_count"))
    assert result.record.tied.all()  # a readout layer never spikes: all classes have none
    assert result.accuracy_ties_wrong == 0 and result.accuracy == np.mean(
        load("digits", limit=60).test.labels[:9] == 0
    )
    layer, plain = result.record.layers[0], result.as_dict()["layers"][0]
    assert plain["spikes"] == int(layer.spikes.sum()) and plain["synops"] == int(layer.synops.sum())


def test_prepare_reads_model_plan_and_images_only(model_file):
    prepared = prepare(model_file, DataChoice(limit=2), PlanChoice(steps=7))
    assert (prepared.plan.steps, prepared.chosen.images.samples, prepared.assumptions) == (7, 2, ())


def test_errors_reach_the_caller(model_file, tmp_path):
    with pytest.raises(SettingsError, match="no backend 'abacus'"):
        run(model_file, backend="abacus")
    with pytest.raises(BackendError, match="needs lava-loihi"):
        run(model_file, DataChoice(limit=1), backend="loihi2")
    with pytest.raises(ModelFileError):
        run(tmp_path)


def test_every_draw_of_a_random_encoding_is_an_execution_of_its_own(model_file):
    choice, plan = DataChoice(limit=30), PlanChoice(encoding="rate")
    several = run(model_file, choice, plan, draws=3)
    assert len(several.draw_accuracies) == 3 and several.draw_accuracies[0] == several.accuracy
    assert run(model_file, choice, plan).draw_accuracies == several.draw_accuracies[:1]
    prepared = prepare(model_file, choice, plan)
    part = prepared.chosen.images
    second = execute(Simulator(), prepared.model, prepared.plan, part.images, part.indices, draw=1)
    assert several.draw_accuracies[1] == np.mean(second.prediction == part.labels)
    assert (second.scores != several.record.scores).any()
    with pytest.raises(SettingsError, match="--draws 0: give at least 1"):
        run(model_file, draws=0)


def test_choices_are_said_as_a_command_line_takes_them():
    assert command_words(DataChoice(), PlanChoice()) == ()
    images = DataChoice(data="mnist", data_root="data", limit=9)
    said = command_words(images, PlanChoice(steps=8, readout="membrane", mean=(0.5, 0.25), std=(1.0, 2.0)))
    assert " ".join(said) == (
        "--data mnist --data-root data --limit 9 --steps 8 --readout membrane --mean 0.5,0.25 --std 1.0,2.0"
    )
