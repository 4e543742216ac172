"""Each section says what the execution says."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lavarobust.energy import load_profile, make_ledger
from lavarobust.energy.comparison import compare_rules
from lavarobust.energy.fit import fit
from lavarobust.experiment.robustness import Share
from lavarobust.experiment.shipped import model_path
from lavarobust.reporting.page.build import build_page
from lavarobust.reporting.page.document import Commands, Figure, Text
from lavarobust.reporting.page.robustness import robustness_data, robustness_section, suite_data, worst_case
from lavarobust.reporting.page.samples import picture
from lavarobust.reporting.page.subject import SUITE_SUFFIX
from lavarobust.reporting.tables import Table

SUITE = {
    "suite": "quick",
    "source": "digits test",
    "backend": "simulator",
    "votes": 3,
    "results": [
        {
            "epsilon": epsilon,
            "norm": "linf",
            "clean": {"count": 8, "of": 8},
            "robust": {"count": robust, "of": 8},
            "unreliable": unreliable,
            "members": [{"attack": "FGSM", "attempted": 8, "fooled": 8 - robust, "seconds": 1.0}],
            "diagnosis": {"samples": 8, "checks": [{"name": "noise", "fired": unreliable, "said": "1 of 8"}]},
            "audit": {"images": 2, "backend": "lava", "differences": 0},
        }
        for epsilon, robust, unreliable in ((0.2, 1, False), (0.1, 5, True))
    ],
}


def section(page, name):
    return next(each for each in page.sections if each.name == name)


def table(page, name, title):
    return next(b for b in section(page, name).blocks if isinstance(b, Table) and b.title.startswith(title))


def test_a_card_says_how_pixels_were_normalised(measured):
    assert (
        "levels of" not in dict(table(build_page([measured], (), ()), "card", "What it is").rows)["encoding"]
    )
    encoding = replace(measured.subject.plan.encoding, mean=(0.25,), std=(2.0,))
    subject = replace(measured.subject, plan=replace(measured.subject.plan, encoding=encoding))
    page = build_page([replace(measured, subject=subject)], (), ())
    said = dict(table(page, "card", "What it is").rows)["encoding"]
    assert said.endswith("levels of (pixel - mean) / std, mean 0.25, std 2")
    assert section(page, "card").data[0]["encoding"]["std"] == [2.0]


def test_the_curve_counts_images_that_are_right_without_attack_and_under_it(measured):
    data = robustness_data(measured)
    right, result = measured.correct[:8], measured.attacked
    assert data["clean"] == {
        "count": int(measured.correct.sum()),
        "of": 12,
        "value": measured.correct.mean(),
        "interval": list(Share(int(measured.correct.sum()), 12).interval),
    }
    for point, outcome in zip(data["curve"]["points"], result.outcomes, strict=True):
        assert point["epsilon"] == outcome.threat.epsilon
        assert point["count"] == int((right & outcome.executed.correct).sum())
    assert data["curve"]["clean"]["count"] == int(right.sum())


def test_the_worst_case_is_a_suites_where_there_is_one(measured):
    data = robustness_data(measured)
    counted, epsilon, attack, unreliable = worst_case(data)
    first = data["curve"]["points"][0]
    assert (counted.count, epsilon, attack, unreliable) == (
        first["count"],
        0.1,
        "PGD-20 alone, an upper bound",
        False,
    )
    with_suite = {**data, "suite": suite_data(SUITE)}
    counted, epsilon, attack, unreliable = worst_case(with_suite)
    assert (counted, epsilon, attack, unreliable) == (
        Share(5, 8),
        0.1,
        "suite quick, by a vote of 3 fresh draws",
        True,
    )
    assert worst_case({**data, "curve": None}) is None


def test_a_suites_members_verdict_and_checks_are_shown(measured, tables):
    attacked = replace(measured, subject=replace(measured.subject, suite=SUITE))
    found = robustness_section([attacked])
    [warning] = [block for block in found.blocks if isinstance(block, Text) and block.kind == "warning"]
    assert "may be too high" in warning.text and "noise: 1 of 8" in warning.text
    titles = [block.title for block in found.blocks if isinstance(block, Table)]
    assert sum(title.startswith("Worst case of digits-plain, suite quick") for title in titles) == 2
    worst = next(b for b in found.blocks if isinstance(b, Table) and b.title.startswith("Worst case"))
    assert worst.rows == (("FGSM", "8", "7"),) and "vote of 3 draws" in " ".join(worst.notes)
    page = build_page([attacked], tables, ["x"])
    figure = next(each for each in page.key_figures[0] if each.label == "Worst-case accuracy")
    assert figure.value == "62.5 %" and figure.warning and "may be too high" in figure.basis


def test_without_a_suite_the_page_says_which_command_makes_one(page):
    lines = [b.lines for b in section(page, "robustness").blocks if isinstance(b, Commands)]
    [[line]] = lines
    assert line.startswith("lavarobust attack ") and line.endswith(f"digits-plain{SUITE_SUFFIX}")


def test_a_model_that_was_not_attacked_says_so(measured, tables):
    alone = replace(measured, attacked=None, epsilon=None, shown_attacked=None, not_attacked="no time")
    page = build_page([alone], tables, ["x"])
    for name in ("robustness", "samples"):
        assert any(isinstance(b, Text) and "no time" in b.text for b in section(page, name).blocks)
    assert page.key_figures[0][1].value == "not attacked"
    assert section(page, "energy").data[0]["attacked"] is None


def test_counts_are_the_ledgers(page, measured):
    ledger = make_ledger(measured.clean, measured.subject.model)
    data = section(page, "activity").data[0]
    assert data["total"]["spikes"]["mean"] == ledger.total("spikes").mean()
    for said, layer in zip(data["layers"], ledger.layers, strict=True):
        assert said["counts"]["accumulates"]["mean"] == layer.accumulates.mean()
        assert said["rate"] == pytest.approx(layer.spikes.mean() / layer.shape.neurons / 4)
        assert len(said["rate_per_step"]) == 4
    rows = {row[0]: row for row in table(page, "activity", "Counts per image").rows}
    assert rows["all layers"][3] == f"{ledger.total('spikes').mean():,.0f}"


def test_a_refusal_is_a_row_and_no_total(page):
    data = section(page, "energy").data[0]
    # priced tables first, though the other was named first
    assert [bill["profile"] for bill in data["bills"]] == ["horowitz_45nm_int8_int32", "loihi1_davies2018"]
    priced, refused = data["bills"]
    assert "no price for multiply_accumulate" in refused["refused"] and "total_pj" not in refused
    assert priced["total_pj"]["mean"] == pytest.approx(sum(line["energy_pj"] for line in priced["lines"]))
    rows = {row[1]: row for row in table(page, "energy", "Energy per image by price table").rows}
    assert rows["loihi1_davies2018"][2:4] == ("refused", "")
    [said] = [
        b.text for b in section(page, "energy").blocks if isinstance(b, Text) and "not in the" in b.text
    ]
    for item in priced["unpriced"]:
        assert (item["term"].replace("_", " ") in said) == (item["operations"] != 0)


def test_every_price_in_a_total_has_its_source(page, tables):
    shown = table(page, "energy", "Prices in these totals")
    rows = shown.rows
    prices = tables[1].prices
    assert {row[1] for row in rows} == {"accumulate", "multiply accumulate"}
    for row in rows:
        price = prices[row[1].replace(" ", "_")]
        value, process = f"{price.value:g} pJ", "45 nm, 0.9 V"
        assert row[2:] == (value, process, price.precision, price.scope, price.evidence)
        assert f"{row[0]}, {row[1]}: {price.source}." in shown.notes


def test_a_price_that_differs_by_layer_is_named_as_it_was_taken(measured, tables):
    sanafe = load_profile("loihi_sanafe")
    accumulate = replace(tables[1].prices["accumulate"], by_connection={"conv": 7.0})
    mixed = replace(tables[1], name="mixed", prices={**tables[1].prices, "accumulate": accumulate})
    rows = table(build_page([measured], [mixed, sanafe], ["x"]), "energy", "Prices in these totals").rows
    assert [row[2] for row in rows if row[1] == "accumulate"] == ["0.1 pJ", "7 pJ"]


def test_peers_and_bands_are_those_of_the_execution(page, measured):
    data = section(page, "standing").data[0]
    assert [peer["name"] for peer in data["peers"]] == [
        "spiking network",
        "FP32 ANN",
        "INT8 ANN",
        "3-bit QNN",
    ]
    synops = sum(layer.synops.sum() for layer in measured.clean.layers) / 12
    spiking = data["peers"][0]
    assert spiking["accumulates"] + spiking["multiply_accumulates"] == pytest.approx(synops)
    assert spiking["accuracy"] == measured.correct.mean()
    rows = {row[1]: row for row in table(page, "standing", "The same layers as ANNs").rows}
    times = data["peers"][2]["bill"]["total_pj"]["mean"] / spiking["bill"]["total_pj"]["mean"]
    assert rows["INT8 ANN"][6] == f"{times:.2f}"
    figures = [block for block in section(page, "standing").blocks if isinstance(block, Figure)]
    assert len(figures) == 1 + len(data["bands"]) == 3
    for band, figure in zip(data["bands"], figures[1:], strict=True):
        assert f"{band['value']['mean']:.3g}" in figure.caption and band["source"] in figure.caption


def test_rules_stand_beside_one_another(page, measured):
    ledger = make_ledger(measured.clean, measured.subject.model)
    counts = {count.rule: count for count in compare_rules(ledger) if count.layer == "all"}
    for rule in section(page, "rules").data[0]["rules"]:
        assert rule["accumulates"] == counts[rule["rule"]].accumulates
        assert (rule["refused"] is None) == (rule["energy_pj"] is not None)
    assert "hire-eq7 does not hold" in " ".join(table(page, "rules", "Rules side by side").notes)


def test_energy_under_attack_stands_beside_that_of_the_same_images(page, measured):
    attacked = section(page, "energy").data[0]["attacked"]
    assert (attacked["samples"], attacked["epsilon"]) == (8, 0.1)
    clean = next(pair["clean"] for pair in attacked["bills"] if pair["clean"]["refused"] is None)
    layers = measured.attacked.clean.record.layers
    synops = sum(layer.synops.sum() for layer in layers) / 8
    assert sum(line["operations"] for line in clean["lines"]) == pytest.approx(synops)


def test_samples_say_what_their_execution_says(page, measured):
    rows = section(page, "samples").data[0]["samples"]
    assert len(rows) == 4
    for place, row in enumerate(rows):
        raster = [measured.shown_attacked.rasters[index][place].sum() for index in
                  measured.shown_attacked.rasters]  # fmt: skip
        assert row["attacked_spikes"] == sum(raster)
        assert row["attacked_answer"] == measured.shown_attacked.prediction[place]
        assert 0 < row["largest_change"] <= 0.1 + 1e-6
    figures = [block for block in section(page, "samples").blocks if isinstance(block, Figure)]
    assert len(figures) == 4 and all(figure.alt and figure.caption for figure in figures)


def test_pictures_of_grey_colour_and_events():
    assert picture(np.ones((1, 2, 3))).shape == (2, 3)
    assert picture(np.ones((3, 2, 4))).shape == (2, 4, 3)
    frames = np.zeros((2, 5, 4, 3))
    frames[0, 1, 2] = 1
    assert picture(frames)[1, 2] == 0.5 and picture(frames).shape == (5, 4)


def test_cores_are_the_fits(page, subject, tables):
    data = section(page, "fit").data[0]
    assert data["chips"][0] == json.loads(json.dumps(fit(subject.model, tables[0]).as_dict()))
    assert page.key_figures[0][-1].value == "3, 3"


def test_the_card_describes_the_file(page):
    card = section(page, "card").data[0]
    assert card["sha256"] == json.loads(model_path("digits-plain").with_suffix(".json").read_text())["sha256"]
    assert [layer["neurons"] for layer in card["layers"]] == [1024, 512, 10]
    assert card["split"] == {"train": 1132, "validation": 126, "test": 539}


def test_versions_and_commands(page):
    found = section(page, "provenance")
    assert found.data["page"]["command"] == "lavarobust report digits-plain"
    assert {"python", "torch", "lava-nc"} <= set(found.data["page"]["versions"])
    commands = [block.lines for block in found.blocks if isinstance(block, Commands)]
    assert commands[1][0].startswith("lavarobust train digits-plain")


def test_models_side_by_side_share_a_curve_and_have_a_column_each(measured, tables):
    other = replace(measured, subject=replace(measured.subject, name="other"))
    page = build_page([measured, other], tables, ["x"])
    assert page.title == "2 models side by side" and len(page.key_figures) == 2
    curves = [b for b in section(page, "robustness").blocks if isinstance(b, Figure)]
    assert len(curves) == 1 and "other" in curves[0].svg
    assert table(page, "card", "What it is").columns == ("", "digits-plain", "other")
