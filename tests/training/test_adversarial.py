"""Perturbed images of a linear score, whose worst case is known."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from linear_training import Linear, batch

from lavarobust.errors import SettingsError
from lavarobust.training.adversarial import (
    AdversarialFGSM,
    AdversarialPGD,
    GaussianNoise,
    RandomNormalFGSM,
    RandomSignFGSM,
)


def trained_on(objective, *pixels) -> tuple[Linear, torch.Tensor]:
    """The network after a batch, and the images that it was trained on."""
    network = Linear().train()
    (loss,) = objective.losses(network, batch(*pixels))
    assert network.modes[:-1] == [False] * (len(network.modes) - 1) and network.modes[-1]
    images = network.seen[-1]
    assert torch.equal(loss.value, F.cross_entropy(network(images), torch.zeros(len(pixels)).long()))
    return network, images.flatten(1)


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


def test_fgsm_takes_one_step_to_the_corner():
    network, images = trained_on(AdversarialFGSM(0.125), [0.5, 0.5], [0.0625, 1.0])
    assert images.tolist() == [[0.375, 0.625], [0.0, 1.0]]
    assert len(network.seen) == 3


def test_rfgsm_of_signs_starts_in_a_corner_and_is_projected():
    network, images = trained_on(RandomSignFGSM(0.25, 0.0625), *[[0.5, 0.5]] * 64)
    starts = network.seen[0].flatten(1) - 0.5
    assert set(starts.flatten().tolist()) == {-0.0625, 0.0625}
    step = torch.tensor([-0.1875, 0.1875])
    assert torch.equal(images, 0.5 + starts + step)
    # with a step longer than what is left of the box, the projection shows
    _, images = trained_on(RandomSignFGSM(0.25), *[[0.5, 0.5]] * 64)
    assert (images - 0.5).abs().max() <= 0.25


def test_rfgsm_of_normal_numbers_leaves_the_box_but_not_the_pixel_range():
    network, images = trained_on(RandomNormalFGSM(0.5, 0.25), *[[0.5, 0.5]] * 256)
    starts = network.seen[0].flatten(1)
    # 512 numbers of standard deviation 0.25, cut at twice that on either side (which takes 3 % of it)
    assert 0.21 < float((starts - 0.5).std()) < 0.26
    assert torch.equal(images, (starts + torch.tensor([-0.25, 0.25])).clamp(0, 1))
    assert float((images - 0.5).abs().max()) == 0.5
    _, near = trained_on(RandomNormalFGSM(0.125, 0.0625), *[[0.5, 0.5]] * 256)
    assert float((near - 0.5).abs().max()) > 0.125


def test_gaussian_noise_has_epsilon_as_deviation_and_needs_no_gradient():
    network, images = trained_on(GaussianNoise(0.1), *[[0.5, 0.5]] * 512)
    assert len(network.seen) == 2
    # the standard error of a deviation of 1,024 numbers is 0.1 / sqrt(2,048) = 0.0022
    assert abs(float((images - 0.5).std()) - 0.1) < 6 * 0.0022
    _, edges = trained_on(GaussianNoise(0.1), *[[0.0, 1.0]] * 64)
    assert edges.min() == 0 and edges.max() == 1


@pytest.mark.parametrize(
    ("make", "values", "problem"),
    [
        (AdversarialPGD, {"epsilon": 0}, "pgd: epsilon"),
        (AdversarialPGD, {"epsilon": 1.5}, "pgd: epsilon"),
        (AdversarialPGD, {"epsilon": 0.1, "step_size": -1}, "pgd: step_size"),
        (AdversarialPGD, {"epsilon": 0.1, "steps": 0}, "pgd: steps"),
        (AdversarialFGSM, {"epsilon": 0}, "fgsm: epsilon"),
        (RandomSignFGSM, {"epsilon": 2.0}, "rfgsm: epsilon"),
        (RandomSignFGSM, {"epsilon": 0.1, "alpha": 0.1}, "rfgsm: alpha is 0.1 and epsilon 0.1"),
        (RandomNormalFGSM, {"epsilon": 0.1, "alpha": -0.1}, "rfgsm-normal: alpha"),
        (GaussianNoise, {"epsilon": float("nan")}, "gaussian: epsilon"),
    ],
)
def test_impossible_attacks_are_refused(make, values, problem):
    with pytest.raises(SettingsError, match=rf"{problem}.*Give"):
        make(**values)
