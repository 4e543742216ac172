from __future__ import annotations

import json

from lavarobust.experiment.sparsity import measure_sparsity


def test_a_run_s_gradients_and_gaps(run_folder):
    report = measure_sparsity(run_folder, epsilons=(0.05, 0.3), limit=30)
    assert report.gradients.samples == 30 and report.gradients.pixels == 64
    assert 0 < report.gradients.l0 <= 64 and report.gradients.l1 > 0
    assert [gap.epsilon for gap in report.gaps] == [0.05, 0.3]
    assert report.gaps[1].adversarial <= report.gaps[0].adversarial
    plain = report.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert plain["gaps"][1]["gap"] == report.gaps[1].random - report.gaps[1].adversarial
