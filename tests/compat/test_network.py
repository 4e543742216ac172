"""A network that lava-dl ships, run in Lava's CPU simulator with its own and with our convolution."""

from __future__ import annotations

from contextlib import nullcontext
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

from lavarobust.compat import activate, fast_convolution

activate()
from lava.lib.dl import netx  # noqa: E402
from lava.magma.core.run_conditions import RunSteps  # noqa: E402
from lava.magma.core.run_configs import Loihi2SimCfg  # noqa: E402
from lava.proc import io  # noqa: E402

SHIPPED = Path(str(distribution("lava-dl").locate_file("tests/lava/lib/dl/netx")))
INTERVAL = 17


def run_tiny(convolution) -> np.ndarray:
    """Output spikes (W, H, C, T) of the shipped network for the image shipped beside it."""
    network = netx.hdf5.Network(net_config=str(SHIPPED / "tiny.net"))
    network.in_layer.neuron.bias_mant.init = np.load(SHIPPED / "gts/tinynet/input_bias.npy")
    # The answer counts from the step at which the image's bias reaches each layer, so earlier ones are reset.
    for depth, layer in enumerate(network.layers):
        for state in (layer.neuron.u, layer.neuron.v):
            io.reset.Reset(interval=INTERVAL, offset=depth - 1).connect_var(state)
    steps = INTERVAL + len(network)
    sink = io.sink.RingBuffer(shape=network.out.shape, buffer=steps)
    network.out.connect(sink.a_in)
    with convolution:
        network.run(condition=RunSteps(num_steps=steps), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
        output = sink.data.get()
        network.stop()
    return output


@pytest.mark.parametrize("convolution", [nullcontext, fast_convolution])
def test_shipped_network_gives_its_shipped_answer(convolution):
    expected = np.load(SHIPPED / "gts/tinynet/output.npy")[0].transpose(2, 1, 0, 3)[..., 1:]
    output = run_tiny(convolution())
    assert 0.005 < expected.mean() < 0.95
    assert np.array_equal(output[..., 2 : 2 + expected.shape[-1]], expected)
