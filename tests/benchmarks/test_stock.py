"""Stock Lava, fed and read as the benchmarks do it, gives what the simulator gives."""

from __future__ import annotations

import pytest

pytest.importorskip("lava.magma")

from benchmarks.networks import NETWORKS
from benchmarks.stock import differences, outputs, run_stock
from lavarobust.execution.simulator import Simulator


@pytest.mark.parametrize("name", ["tiny", "mnist", "conv"])
def test_streamed_outputs_equal_the_simulators(name):
    try:
        case = NETWORKS[name](3, None)
    except FileNotFoundError:
        pytest.skip("this installation of lava-dl carries no tests")
    streamed = run_stock(case, case.stimulus)
    last = case.model.populations[-1][0]
    ours = outputs(Simulator().run(case.model, case.stimulus, case.readout, (last,)), case)
    assert streamed.milliseconds > 0
    assert streamed.outputs.any()
    assert differences(streamed.outputs, ours) == 0
    assert differences(streamed.outputs + 1, ours) == ours.size
