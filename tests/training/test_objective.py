from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lavarobust.errors import SettingsError
from lavarobust.training.objective import AdversarialPGD, Batch, Vanilla


class Linear(torch.nn.Module):
    """Logits (x0 - x1, 0): the loss of label 0 falls with the first pixel and rises with the second."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([1.0, -1.0]))
        self.modes: list[bool] = []
        self.seen: list[torch.Tensor] = []
        self.draws: list[int] = []

    def forward(self, images, indices=None, draw=0):
        self.modes.append(self.training)
        self.draws.append(draw)
        self.seen.append(images.detach().clone())
        score = images.flatten(1) @ self.weight
        return torch.stack([score, torch.zeros_like(score)], 1)


def batch(*pixels, epoch=0):
    images = torch.tensor(pixels).view(-1, 1, 1, 2)
    labels, indices = torch.zeros(len(pixels), dtype=torch.int64), torch.arange(len(pixels)).numpy()
    return Batch(images, labels, indices, torch.Generator().manual_seed(3), epoch)


def test_vanilla_is_the_cross_entropy():
    network = Linear()
    (loss,) = Vanilla().losses(network, batch([0.7, 0.2]))
    assert loss.value.item() == pytest.approx(float(torch.log1p(torch.exp(torch.tensor(-0.5)))))
    assert loss.logits.tolist() == [[pytest.approx(0.5), 0.0]]


def test_pgd_reaches_the_worst_corner_of_the_box_inside_the_pixel_range():
    network = Linear()
    given = batch([0.5, 0.5], [0.1, 0.95])
    (loss,) = AdversarialPGD(0.2, None, 10).losses(network, given)
    # for a linear score the worst case is known: down with the first pixel, up with the second
    worst = torch.tensor([[0.3, 0.7], [0.0, 1.0]])
    torch.testing.assert_close(network.seen[-1].flatten(1), worst)
    assert torch.equal(loss.value, F.cross_entropy(network(network.seen[-1]), given.labels))


def test_pgd_attacks_in_eval_mode_and_trains_in_train_mode():
    network = Linear().train()
    (loss,) = AdversarialPGD(0.1, None, 4).losses(network, batch([0.5, 0.5]))
    assert network.modes == [False] * 4 + [True]
    assert network.training and network.weight.requires_grad
    loss.value.backward()
    assert network.weight.grad is not None


def test_pgd_starts_at_random_in_the_box_and_only_by_its_generator():
    starts = []
    for _ in range(2):
        network = Linear()
        given = batch([0.5, 0.5], [0.5, 0.5])
        list(AdversarialPGD(0.2, None, 1).losses(network, given))
        starts.append(network.seen[0])
    assert torch.equal(*starts)
    assert (starts[0] - given.images).abs().min() > 0 and (starts[0] - given.images).abs().max() <= 0.2 + 1e-6
    assert not torch.equal(starts[0][0], starts[0][1])


def test_every_forward_pass_of_training_takes_draws_of_its_own_and_none_of_evaluations():
    draws = []
    for epoch in (0, 1):
        network = Linear()
        list(AdversarialPGD(0.2, None, 3).losses(network, batch([0.5, 0.5], epoch=epoch)))
        draws += network.draws
    assert len(draws) == len(set(draws)) == 8
    assert 0 not in draws


@pytest.mark.parametrize(
    "values",
    [{"epsilon": 0}, {"epsilon": 1.5}, {"epsilon": 0.1, "step_size": -1}, {"epsilon": 0.1, "steps": 0}],
)
def test_impossible_attacks_are_refused(values):
    with pytest.raises(SettingsError, match=r"pgd: .*Give"):
        AdversarialPGD(**values)
