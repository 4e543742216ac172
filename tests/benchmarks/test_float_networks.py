"""Other libraries run the same network to the same spikes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.float_networks import LIBRARIES, RUNNERS, conv_net, mlp
from benchmarks.inputs import raster
from lavarobust.execution.simulator import Simulator
from lavarobust.record import Stimulus


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("make", [mlp, conv_net])
def test_counts_equal_the_simulators(library, make):
    pytest.importorskip(library)
    model = make()
    frames = raster((2, *model.input_shape, 12), 0.15)
    record = Simulator().run(model, Stimulus(frames.astype(np.int32), 12))
    sent = torch.from_numpy(np.moveaxis(frames, -1, 0).astype(np.float32))
    with torch.no_grad():
        counts = RUNNERS[library](model, False)(sent)
    np.testing.assert_array_equal(counts.numpy(), record.output_counts)
    assert all(0.005 < layer.spikes.mean() / layer.neurons < 0.95 for layer in record.layers)
