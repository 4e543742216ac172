"""SR's regulariser by hand, against double backpropagation, and through a spiking network's graph."""

from __future__ import annotations

import copy
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lavarobust.defenses.sr import SparseGradients, pair_probability, strongest_rival
from lavarobust.dynamics import Surrogate
from lavarobust.encoding.straight_through import encode_shifted, encode_straight_through
from lavarobust.errors import SettingsError
from lavarobust.netx.deployment import Encoding
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.network import SpikingNetwork
from lavarobust.training.adversarial import AdversarialPGD
from lavarobust.training.divergence import Trades
from lavarobust.training.objective import Batch, Vanilla


class Smooth(torch.nn.Module):
    """Logits ``outer @ tanh(inner @ x)`` in float64, behind an encoder of one level: pixels are 0 or 1."""

    encoding, steps = Encoding("repeat", levels=1), 1

    def __init__(self, inner: torch.Tensor, outer: torch.Tensor, curved: bool = True) -> None:
        super().__init__()
        self.inner, self.outer = (torch.nn.Parameter(weight.double()) for weight in (inner, outer))
        self.curved = curved
        self.modes: list[bool] = []

    def encoded(self, images, indices, draw=0):
        return encode_straight_through(self.encoding, images, self.steps, indices, draw)

    def response(self, frames, indices, draw=0):
        self.modes.append(self.training)
        hidden = frames[0].flatten(1).double() @ self.inner.T
        return SimpleNamespace(logits=(hidden.tanh() if self.curved else hidden) @ self.outer.T)


def batch(images: torch.Tensor, labels: list[int]) -> Batch:
    return Batch(images, torch.tensor(labels), np.arange(len(images)), torch.Generator(), 0)


def test_rival_and_pair_by_hand():
    logits = torch.tensor([[1.0, 3.0, 2.0], [1.0, 3.0, 2.0]])
    labels = torch.tensor([1, 2])
    rivals = strongest_rival(logits, labels)
    assert rivals.tolist() == [2, 1]
    pair = pair_probability(logits, labels, rivals).tolist()
    assert pair == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))])


def test_value_and_gradient_of_a_linear_margin_by_hand():
    # three classes; of label 0 the rival is class 1, so that the margin is (w0 - w1) x = 2 x0 - x1
    weight = torch.tensor([[1.0, -0.5], [-1.0, 0.5], [-9.0, -9.0]])
    network = Smooth(torch.eye(2), weight, curved=False).train()
    images = torch.tensor([[1.0, 1.0], [1.0, 0.0]]).view(2, 1, 1, 2)
    objective = SparseGradients(Vanilla(), weight=0.5, step=0.01)
    (loss,) = objective.losses(network, batch(images, [0, 0]))
    assert network.modes == [True, True]

    def value(weight: torch.Tensor) -> torch.Tensor:
        x = images.flatten(1).double()
        logits, shifted = x @ weight.T, (x + 0.01 * torch.tensor([1.0, -1.0])) @ weight.T
        d = ((shifted[:, 0] - shifted[:, 1]).sigmoid() - (logits[:, 0] - logits[:, 1]).sigmoid()) / 0.01
        return F.cross_entropy(logits, torch.tensor([0, 0])) + 0.5 * d.square().mean()

    sigmoid = [1 / (1 + math.exp(-margin)) for margin in (1.0, 1.03, 2.0, 2.03)]
    d = [(sigmoid[1] - sigmoid[0]) / 0.01, (sigmoid[3] - sigmoid[2]) / 0.01]
    plain = F.cross_entropy(images.flatten(1) @ weight.T, torch.tensor([0, 0]))
    assert loss.value.item() == pytest.approx(float(plain) + 0.5 * (d[0] ** 2 + d[1] ** 2) / 2, rel=1e-5)
    loss.value.backward()
    loose = weight.double().requires_grad_()
    value(loose).backward()
    torch.testing.assert_close(network.outer.grad, loose.grad, rtol=1e-4, atol=1e-6)


def test_value_and_gradient_are_those_of_double_backpropagation():
    generator = torch.Generator().manual_seed(2)
    inner, outer = torch.randn(5, 6, generator=generator) / 3, torch.randn(3, 5, generator=generator) / 2
    images = torch.randint(0, 2, (8, 1, 2, 3), generator=generator).float()
    labels = torch.arange(8) % 3
    network = Smooth(inner, outer).train()
    (loss,) = SparseGradients(Vanilla(), weight=1.0, step=1e-3).losses(
        network, batch(images, labels.tolist())
    )
    loss.value.backward()

    exact = Smooth(inner, outer)
    pixels = images.double().requires_grad_()
    logits = exact.response(pixels[None], None).logits
    pair = pair_probability(logits, labels, strongest_rival(logits, labels))
    (gradient,) = torch.autograd.grad(pair.sum(), pixels, create_graph=True)
    regulariser = gradient.flatten(1).abs().sum(1).square().mean()
    assert regulariser > 0.01
    expected = F.cross_entropy(logits, labels) + regulariser
    expected.backward()
    assert loss.value.item() == pytest.approx(expected.item(), rel=1e-3)
    for found, wanted in ((network.inner, exact.inner), (network.outer, exact.outer)):
        torch.testing.assert_close(found.grad, wanted.grad, rtol=0.02, atol=2e-3)


def spiking(encoding: Encoding, shape=(1, 4, 4)) -> SpikingNetwork:
    layers, generator = parse_layers(["conv 4 3", "dense 4"]), torch.Generator().manual_seed(0)
    return SpikingNetwork(layers, shape, 5, encoding, "membrane", Surrogate(), generator).train()


@pytest.mark.parametrize("kind", ["direct", "rate", "frames"])
def test_weights_hear_from_both_passes_of_a_spiking_network(kind):
    network, generator = spiking(Encoding(kind, levels=1 if kind == "frames" else 16)), torch.Generator()
    shape = (12, 1, 4, 4, 5) if kind == "frames" else (12, 1, 4, 4)
    images = torch.rand(shape, generator=generator.manual_seed(1)).round(decimals=1)
    given = batch(images.round() if kind == "frames" else images, list(range(4)) * 3)
    twin = copy.deepcopy(network)
    (loss,) = SparseGradients(Vanilla(), weight=0.3, step=0.05).losses(network, given)
    loss.value.backward()

    # the same with no gradient taken in between: the graph must be used twice without a trace
    where = given.indices, given.draw()
    pixels = given.images.clone().requires_grad_()
    probe = copy.deepcopy(twin).response(twin.encoded(pixels, *where), *where).logits
    rivals = strongest_rival(probe, given.labels)
    (gradient,) = torch.autograd.grad(pair_probability(probe, given.labels, rivals).sum(), pixels)
    assert gradient.any()
    logits = twin.response(twin.encoded(given.images, *where), *where).logits
    shifted = encode_shifted(twin.encoding, given.images, 0.05 * gradient.sign(), twin.steps, *where)
    there = twin.response(shifted, *where).logits
    d = pair_probability(there, given.labels, rivals) - pair_probability(logits, given.labels, rivals)
    expected = F.cross_entropy(logits, given.labels) + 0.3 * (d / 0.05).square().mean()
    assert (d != 0).any() and torch.equal(loss.value, expected)
    expected.backward()
    for found, wanted in zip(network.parameters(), twin.parameters(), strict=True):
        if wanted.requires_grad:
            assert torch.equal(found.grad, wanted.grad)
    for found, wanted in zip(network.buffers(), twin.buffers(), strict=True):
        assert torch.equal(found, wanted)


def test_adversarial_images_are_what_both_terms_are_taken_on():
    network, seen = spiking(Encoding("direct", 16)), []
    respond = network.response

    def watching(frames, *arguments, **keywords):
        seen.append((network.training, frames.detach().clone()))
        return respond(frames, *arguments, **keywords)

    network.response = watching  # type: ignore[method-assign]
    images = torch.rand(4, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    list(SparseGradients(AdversarialPGD(0.25, steps=2), 0.1).losses(network, batch(images, [0, 1, 2, 3])))
    assert [mode for mode, _ in seen] == [False, False, True, True]
    clean, first, second = network.encoded(images, np.arange(4)), seen[2][1], seen[3][1]
    assert (first - clean).abs().max() >= 3  # levels of 16, by a quarter
    # most pixels have a gradient, and then they are shifted by 0.16 of a level
    moved = (second - first).abs()
    assert 0 < moved.max() <= 0.161 and moved[moved > 0].min() > 0.159


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: SparseGradients(Vanilla(), 0), "sr: weight is 0. Give"),
        (lambda: SparseGradients(Vanilla(), 1, float("inf")), "sr: step is inf. Give"),
        (lambda: SparseGradients(Trades(0.1), 1), "sr: Trades is not a cross-entropy.*Use vanilla, pgd"),
    ],
)
def test_impossible_values_are_refused(make, problem):
    with pytest.raises(SettingsError, match=problem):
        make()
