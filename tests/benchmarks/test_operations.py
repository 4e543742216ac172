from __future__ import annotations

from benchmarks import operations
from lavarobust.energy import make_ledger
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import run
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import read_model


def test_the_table_of_a_model(capsys):
    operations.main(["digits-plain", "--images", "12", "--epsilon", "0", "0.1", "--steps", "4"])
    title, header, _, still, moved = capsys.readouterr().out.strip().splitlines()
    assert "12 test images" in title and header.startswith("model")
    clean = run("digits-plain", DataChoice(limit=12))
    ledger = make_ledger(clean.record, read_model(model_path("digits-plain")))
    per_image = (ledger.total("accumulates") + ledger.total("multiply_accumulates")).mean()
    # no epsilon, no change
    assert still.split()[:3] == ["digits-plain", "0", f"{per_image:,.0f}"]
    assert still.split()[3:] == ["x", "1.000"] * 4 + [f"{clean.accuracy:.1%}"] * 2
    random, attacked = (float(moved.split("x ")[place].split()[0]) for place in (1, 2))
    assert attacked > max(random, 1.02)
