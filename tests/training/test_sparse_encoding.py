from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lavarobust.dynamics import Surrogate
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.netx.mean_image import MeanImage
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.objective import Batch
from lavarobust.training.sparse_encoding import SparseEncoding

SIGNED = Encoding("signed_rate", mean_image=MeanImage(np.full((1, 4, 4), 0.5)))


class Watched(SpikingNetwork):
    """Remembers the frames it was given, and in which mode."""

    def response(self, frames, *arguments, **keywords):
        self.given.append((self.training, frames.detach().clone()))
        return super().response(frames, *arguments, **keywords)


def make(encoding: Encoding) -> Watched:
    layers, generator = parse_layers(["conv 4 3", "dense 4"]), torch.Generator().manual_seed(0)
    network = Watched(layers, (1, 4, 4), 5, encoding, "membrane", Surrogate(), generator)
    network.given = []
    return network.train()


def batch(encoding: Encoding) -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.rand(16, 1, 4, 4, generator=generator)
    if encoding.kind == "frames":
        images = (torch.rand(16, 1, 4, 4, 5, generator=generator) < 0.4).float()
    return Batch(images, torch.arange(16) % 4, np.arange(16), generator, 2)


@pytest.mark.parametrize("encoding", [Encoding("rate"), SIGNED, Encoding("frames", levels=1)])
@pytest.mark.parametrize("iterations", [1, 3])
def test_trains_on_an_encoding_of_few_changes_that_raise_the_loss(encoding, iterations):
    network, given = make(encoding), batch(encoding)
    (loss,) = SparseEncoding(3, iterations).losses(network, given)
    assert [mode for mode, _ in network.given] == [False] * iterations + [True]
    clean, attacked = network.given[0][1], network.given[-1][1]
    assert torch.equal(clean, network.encoded(given.images, given.indices, given.draw()))
    changed = (attacked != clean).flatten(2).sum(-1)
    assert changed.max() == 3 and changed.float().mean() > 2.5
    assert attacked.min() >= clean.min() and attacked.max() <= 1
    loss.value.backward()
    assert all(parameter.grad is not None for parameter in network.parameters() if parameter.requires_grad)
    network.eval()
    before, after = (
        F.cross_entropy(network.response(frames, given.indices).logits, given.labels)
        for frames in (clean, attacked)
    )
    assert after > before


def test_impossible_values_are_refused():
    for values in ((0, 1), (1, 0)):
        with pytest.raises(SettingsError, match=r"sea: .*Give at least 1"):
            SparseEncoding(*values)
    with pytest.raises(SettingsError, match="sea: the encoding direct"):
        list(SparseEncoding(1).losses(make(Encoding("direct", 16)), batch(Encoding("direct", 16))))
