from __future__ import annotations

import numpy as np
import pytest

from lavarobust.activity import pixel_distance, spike_distance, spiking_activity, time_averaged_activity
from lavarobust.errors import SettingsError
from lavarobust.record import LayerCounts, Record


def record(raster, steps=4):
    """Two samples of a layer of three neurons."""
    raster = np.array(raster, dtype=np.uint8)
    spikes = raster.sum(axis=1, dtype=np.int64)
    nothing = np.zeros_like(spikes)
    layer = LayerCounts("1 dense", 3, False, nothing, nothing, nothing, spikes, nothing, nothing, nothing)
    samples = len(raster)
    return Record(
        backend="by hand", model="by hand", steps=steps, readout="spike_count",
        prediction=np.zeros(samples, np.int64), tied=np.zeros(samples, bool),
        output_counts=raster.sum(axis=2, dtype=np.int64), potential=None, layers=(layer,),
        rasters={1: raster},
    )  # fmt: skip


CLEAN = [
    [[1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 0, 0]],  # 5 spikes of 3 neurons
    [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]],
]
MOVED = [
    [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0]],  # rates move by 1/2, 0 and 1/4
    [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]],  # another time, the same rate
]


def test_spiking_activity_is_spikes_per_neuron_and_may_exceed_one():
    np.testing.assert_allclose(spiking_activity(record(CLEAN))["1 dense"], [5 / 3, 1 / 3])
    np.testing.assert_allclose(time_averaged_activity(record(CLEAN))["1 dense"], [5 / 12, 1 / 12])


def test_pixel_distance_is_the_norm_of_the_change():
    images = np.zeros((2, 1, 2, 2), np.float32)
    perturbed = images.copy()
    perturbed[0, 0, 0] = [0.3, 0.4]
    np.testing.assert_allclose(pixel_distance(images, perturbed), [0.5, 0], rtol=1e-6)


def test_spike_distance_is_the_norm_of_the_change_of_rates():
    distance = spike_distance(record(CLEAN), record(MOVED))
    np.testing.assert_allclose(distance[1], [np.hypot(0.5, 0.25), 0])


def test_executions_that_can_not_be_compared_are_refused():
    kept, shorter = record(CLEAN), record(CLEAN[:1])
    other = Record(**{**vars(kept), "rasters": {}})
    with pytest.raises(SettingsError, match="rasters of both"):
        spike_distance(kept, other)
    with pytest.raises(SettingsError, match="has 2 and 1"):
        spike_distance(kept, shorter)
