"""Suites gathered over shards and seeds, and claims held against them, worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sweep_results import counted, result, unit

from lavarobust.errors import DataError
from lavarobust.experiment.sweep.claims import claims
from lavarobust.experiment.sweep.gather import gather
from lavarobust.reporting.suite_tables import claim_table, suite_table
from lavarobust.reporting.sweep_tables import sweep_tables

ASSG = "SA-PGD-100, ASSG"
FELL = {  # by row and seed, of 100 images at 0.1: what PGD, ASSG and Square took; 5 were wrong before
    "vanilla": {0: (60, 15, 5), 1: (60, 10, 10)},
    "kept": {0: (20, 17, 3), 1: (20, 15, 5)},
    "shrunk": {0: (30, 40, 0), 1: (30, 40, 0)},
    "fallen": {0: (30, 50, 0), 1: (30, 50, 0)},
    "never": {0: (70, 0, 0), 1: (70, 0, 0)},
}


def found(fell, unreliable=False, images=100):
    names = ("PGD-20", "SA-PGD-100, ASSG", "Square-1000")
    robust = images - 5 - sum(fell)
    return {
        "epsilon": 0.1,
        "robust": {"count": robust, "of": images, "value": robust / images, "interval": [0, 1]},
        "first": {"count": images - 5 - fell[0], "of": images},
        "members": [{"attack": name, "fooled": fooled} for name, fooled in zip(names, fell, strict=True)],
        "unreliable": unreliable,
        "diagnosis": {"checks": [{"name": "noise", "fired": unreliable, "said": "much"}]},
        "audit": {"images": 16, "differences": 0},
    }


def rows(unreliable=()):
    units = [unit(row, seed) for row in FELL for seed in (0, 1)]
    results = {}
    for each in units:
        fell = FELL[each.row][each.recipe.seed]
        plain = result(each, counted(samples=100, correct=95), robust=[(0.1, 50)])
        results[each.key] = plain | {"suite": [found(fell, each.row in unreliable)]}
    return gather(units, results)


def test_shares_are_of_what_withstood_the_first_attack_and_all():
    vanilla = rows()[0]
    assert vanilla.figures["suite's first, 0.1"].values == (0.35, 0.35)
    assert vanilla.figures["suite, 0.1"].values == (0.15, 0.15)
    [suite] = vanilla.suite
    assert suite.fooled == {"PGD-20": 120, "SA-PGD-100, ASSG": 25, "Square-1000": 15}
    assert (suite.images, suite.robust, suite.evaluations, suite.audited) == (200, 30, 2, 32)
    assert suite.decided_by == "SA-PGD-100, ASSG"
    assert json.loads(json.dumps(vanilla.as_dict()))["suite"][0]["fooled"]["Square-1000"] == 15


def test_what_the_first_attack_left_is_as_it_was_judged():
    one = unit("vanilla")
    plain = result(one, counted(samples=100, correct=95), robust=[(0.1, 50)])
    judged = found((60, 15, 5)) | {"first": {"count": 41, "of": 100}}
    [row] = gather([one], {one.key: plain | {"suite": [judged]}})
    assert row.figures["suite's first, 0.1"].values == (0.41,)
    assert row.figures["suite, 0.1"].values == (0.15,)


def test_claims_survive_shrink_fall_or_never_held():
    found = {claim.row: claim.at[0] for claim in claims(rows(), "vanilla")}
    # against 35 after the first and 15 after all: 75 and 55, 65 and 25, 65 and 15, 25 and 25
    assert found["kept"].before.mean == pytest.approx(0.4)
    assert found["kept"].after.mean == pytest.approx(0.4)
    assert {name: at.fate for name, at in found.items()} == {
        "kept": "survives",
        "shrunk": "shrinks",
        "fallen": "falls",
        "never": "never held",
    }
    assert found["shrunk"].decided_by == "SA-PGD-100, ASSG" and found["never"].decided_by == ""


def test_tables_tell_it():
    table = suite_table(rows(unreliable=("kept",)))
    assert table.columns == (
        "row",
        "seeds",
        "first at 0.1",
        "all at 0.1",
        "unreliable",
        "differ",
        "most fell to",
    )
    assert table.notes[1].endswith(
        "not in vanilla, kept, shrunk, fallen, never (one seed, or a suite without)."
    )
    assert table.rows[1] == ("kept", "2", "75.0 ± 0.0", "55.0 ± 0.0", "2 of 2", "0 of 32", "SA-PGD-100, ASSG")
    fates = claim_table(claims(rows(unreliable=("kept",)), "vanilla"), "vanilla")
    assert fates.rows[1] == ("shrunk", "+30.0 ± 0.0", "+10.0 ± 0.0", "shrinks")
    assert fates.notes[1:] == (
        f"kept: at 0.1 the claim survives (+40.0 ± 0.0 points become +40.0 ± 0.0, decided by {ASSG}; "
        "2 of its figures may be too high).",
        f"shrunk: at 0.1 the claim shrinks (+30.0 ± 0.0 points become +10.0 ± 0.0, decided by {ASSG}).",
        f"fallen: at 0.1 the claim falls (+30.0 ± 0.0 points become +0.0 ± 0.0, decided by {ASSG}).",
        "never: at 0.1 the claim did not hold under the first attack already (-10.0 ± 0.0 points).",
    )
    titles = [each.title for each in sweep_tables(rows(), "vanilla")]
    assert titles[-2:] == [table.title, fates.title]


def test_rows_that_images_were_transferred_to_are_told_from_those_without():
    few = rows()[:2]
    fooled = dict(few[0].suite[0].fooled) | {"PGD-20, triangular 1, from other model": 2}
    told = replace(few[0], suite=(replace(few[0].suite[0], fooled=fooled),))
    assert suite_table([told]).notes[1].endswith("transferred from the row's next seed.")
    assert "; not in kept (" in suite_table([told, few[1]]).notes[1]


def test_shards_are_added_up():
    first, second = unit("kept", shard=0, shards=2), unit("kept", shard=1, shards=2)
    results = {
        each.key: result(each, counted(samples=50, correct=45), robust=[(0.1, 20)]) | {"suite": [suite]}
        for each, suite in ((first, found((10, 5, 0), images=40)), (second, found((20, 0, 5), images=60)))
    }
    [row] = gather([first, second], results)
    assert row.figures["suite, 0.1"].mean == pytest.approx((20 + 30) / 100)
    results[second.key]["suite"][0]["epsilon"] = 0.2
    with pytest.raises(DataError, match="damaged"):
        gather([first, second], results)


def test_rows_without_a_suite_have_no_tables_of_it():
    units = [unit(row) for row in ("vanilla", "kept")]
    results = {each.key: result(each, counted(correct=9), robust=[(0.1, 5)]) for each in units}
    plain = gather(units, results)
    assert claims(plain, "vanilla") == ()
    assert not any("suite" in table.title for table in sweep_tables(plain, "vanilla"))
