from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.defenses.conversion import Calibration, calibrate, drive_percentile
from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork


def spiking(layers, shape=(1, 1, 2), seed=0) -> SpikingNetwork:
    generator = torch.Generator().manual_seed(seed)
    return SpikingNetwork(
        parse_layers(layers), shape, 4, Encoding("direct", 16), "membrane", Surrogate(), generator
    )


def batch(*pixels, shape=(1, 1, 2)):
    return torch.tensor(pixels).view(-1, *shape), np.arange(len(pixels))


def set_weights(block, rows):
    with torch.no_grad():
        block.synapse.weight.copy_(torch.tensor(rows).view(block.synapse.weight.shape))


def test_a_percentile_is_taken_of_each_step_or_of_all_together():
    drive = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0], [10.0, 0.0, 0.0, 0.0, 0.0]])[:, None]
    # each step: 3 and 0 at three quarters; together, sorted 0 0 0 0 0 1 2 3 4 10: place 6.75
    assert drive_percentile(drive, Calibration(75, "step")) == pytest.approx(3.0)
    assert drive_percentile(drive, Calibration(75, "batch")) == pytest.approx(2 + 0.75 * 1)
    assert drive_percentile(drive, Calibration(100, "step")) == pytest.approx(10.0)


def test_thresholds_by_hand_layer_after_layer():
    """A layer is watched behind spikes of the one in front at its own unscaled threshold."""
    network = spiking(["dense 2 no-norm", "dense 1 no-norm", "dense 2"])
    first, second, _ = network.stack
    set_weights(first, [[1.0, 0.0], [0.0, 1.0]])
    set_weights(second, [[0.5, 0.25]])
    # first layer's drive is the pixels: 1 and 0.5, then 0.75 and 0.25; the largest of the batches' maxima is
    # 1; at threshold 1 (a spike needs more), pixel 1 crosses in step 2, 4, ...; 0.5 in 3, 6, 9: in step 6
    # both spike, which drives the second layer with 0.75
    batches = [batch([1.0, 0.5]), batch([0.75, 0.25])]
    thresholds = calibrate(network, batches, Calibration(100, "batch", steps=12, scaling=0.5))
    assert thresholds == pytest.approx((0.5, 0.375))
    assert float(first.scalars.threshold) == pytest.approx(0.5)
    assert float(second.scalars.threshold) == pytest.approx(0.375)


def test_batch_norms_take_the_batches_own_statistics_and_begin_anew():
    network = spiking(["conv 3 3", "dense 4"], shape=(1, 4, 4))
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    conv = network.stack[0]
    (threshold,) = calibrate(network, [(images, np.arange(8))], Calibration(99.7, scaling=1.0))
    rounded = torch.round(images * 16) / 16
    drive = torch.nn.functional.conv2d(rounded, conv.synapse.weight.squeeze(-1), padding=1)
    normalised = torch.nn.functional.batch_norm(drive, None, None, training=True)
    assert threshold == pytest.approx(np.percentile(normalised.detach().numpy(), 99.7), rel=1e-4)
    assert not conv.running_mean.any() and bool((conv.running_variance == 1).all())
    assert float(conv.peak) == 0 and not conv.frozen


def test_residual_networks_are_calibrated_along_both_paths():
    network = spiking(["conv 4 3", "block 4", "pool 4", "dense 3"], shape=(1, 4, 4))
    images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    thresholds = calibrate(network, [(images, np.arange(8))], Calibration(steps=20))
    spiking_blocks = [block for block in network.stack if block.scalars is not None]
    assert len(thresholds) == len(spiking_blocks) == 3
    assert all(threshold > 0 for threshold in thresholds)


def test_as_published_a_blocks_second_threshold_is_no_lower_than_its_first():
    def thresholds(second):
        network = spiking(["conv 4 3", "wide 6", "pool 4", "dense 3"], shape=(1, 4, 4))
        second_conv = network.stack[network.second_in_block.index(True)]
        with torch.no_grad():
            second_conv.gain.mul_(0.1)  # drives its neurons less than those in front are driven
        images = torch.rand(8, 1, 4, 4, generator=torch.Generator().manual_seed(1))
        return calibrate(network, [(images, np.arange(8))], Calibration(steps=20, scaling=1.0, second=second))

    own, published = thresholds("own"), thresholds("published")
    assert len(own) == 3 and own[1] < own[0]
    assert published[:2] == (own[0], own[0])


def test_a_layer_that_nothing_drives_is_named():
    network = spiking(["dense 2 no-norm", "dense 2"])
    set_weights(network.stack[0], [[-1.0, 0.0], [0.0, -1.0]])
    with pytest.raises(SettingsError, match="nothing drives block 0 above zero"):
        calibrate(network, [batch([1.0, 0.5])], Calibration())


@pytest.mark.parametrize("values", [{"percentile": 0}, {"percentile": 101}, {"steps": 0}, {"scaling": 0.0}])
def test_impossible_calibrations_are_refused(values):
    with pytest.raises(SettingsError, match=r"calibration: .*Give"):
        Calibration(**values)
