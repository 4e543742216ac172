"""The whole comparison: two rows trained at two T, and what their sweep writes of them."""

from __future__ import annotations

import json

import pytest

SWEEP = """\
name: tiny
recipe: digits-hire
set:
  threads: 1
  data.limit: 60
  network.layers: [conv 4 3 2 no-norm, dense 10]
  training.epochs: 2
  training.frozen_epochs: 0
  training.learning_rate: 0.01
  attack: {attacks: [noise], epsilon: [0.1], steps: 1}
rows:
  HIRE: {set: {defense.pretraining.epochs: 2, defense.calibration.steps: 4}}
  coded: {set: {network.encoding: {kind: rate}, defense: {kind: hire, periods: 1, epsilon: 0.0}}}
over: {network.steps: [2, 4]}
evaluate: {images: 20, on_lava: 1}
equal_accuracy: HIRE
"""


@pytest.mark.slow
def test_a_sweep_is_compared_at_equal_accuracy(cli, tmp_path):
    (tmp_path / "tiny.yaml").write_text(SWEEP)
    out = tmp_path / "out"
    answer = cli("sweep", tmp_path / "tiny.yaml", "--out", out, "--quiet")
    assert answer.code == 0, answer.err
    assert (
        "Energy at equal clean accuracy" in answer.out and f"  {out / 'equal-accuracy.png'}\n" in answer.out
    )
    found = json.loads((out / "sweep.json").read_text())
    hire, coded, ann = found["equal_accuracy"]["methods"]
    assert (hire["kind"], coded["kind"], ann["kind"]) == ("direct", "rate-coded", "ANN")
    # conv 4 3 2 on 8 x 8: 16 places of 4 kernels of 9; 10 classes of 64 values
    assert ann["multiply_accumulates"]["mean"] == 16 * 4 * 9 + 64 * 10
    bests = [
        max(row["figures"]["accuracy"]["mean"] for row in found["rows"] if row["name"].startswith(name))
        for name in ("HIRE", "coded")
    ]
    assert found["equal_accuracy"]["target"] == min(bests)
    for method in (hire, coded):
        [row] = [row for row in found["rows"] if row["name"] == f"{method['name']} steps={method['steps']}"]
        assert method["accuracy"] == row["figures"]["accuracy"]
        assert method["accuracy"]["mean"] >= min(bests)
        [executed] = [
            each["picojoule"]["mean"]
            for each in method["energies"]
            if (each["table"], each["counted"]) == ("horowitz_45nm_fp32", "executed")
        ]
        figures = row["figures"]
        spent = 0.9 * figures["accumulates"]["mean"] + 4.6 * figures["multiply_accumulates"]["mean"]
        assert executed == pytest.approx(spent)
    for name in ("sweep.md", "equal-accuracy.png"):
        assert (out / name).stat().st_size > 1000
