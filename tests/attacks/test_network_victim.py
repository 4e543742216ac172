from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import NetworkVictim, Queries
from lavarobust.attacks.network_victim import evaluating
from lavarobust.errors import DataError, SettingsError


def test_logits_and_gradient_of_a_linear_module_are_its_weights(linear_case):
    victim = NetworkVictim(linear_case.module)
    weight = linear_case.module.weight.detach().numpy()
    logits, gradient = victim.logits_and_gradient(linear_case.images, linear_case.labels, linear_case.indices)
    np.testing.assert_array_equal(logits, linear_case.images.reshape(90, -1) @ weight.T)
    sign = np.where(linear_case.labels == 0, 1, -1)[:, None]
    np.testing.assert_array_equal(gradient.reshape(90, -1), sign * (weight[1] - weight[0]))
    again = victim.loss_gradient(linear_case.images, linear_case.labels, linear_case.indices)
    np.testing.assert_array_equal(again, gradient)
    assert (victim.queries.forward, victim.queries.backward) == (180, 180)


class Rooted(torch.nn.Module):
    """At a black image the roots' slopes are infinite, and 0 times that is none."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        first, second, third = images.flatten(1).T
        return torch.stack([0 * third, first.sqrt() + 0 * second.sqrt() + 2 * third], 1)


def test_a_gradient_that_left_its_range_keeps_its_infinite_signs():
    images = np.array([[0, 0, 0.5], [0.25, 0.25, 0.5]], dtype=np.float32).reshape(2, 1, 1, 3)
    gradient = NetworkVictim(Rooted()).loss_gradient(
        images, np.zeros(2, dtype=np.int64), np.arange(2), "margin"
    )
    assert gradient.dtype == np.float32
    np.testing.assert_array_equal(gradient.reshape(2, 3), [[1, 0, 0], [1, 0, 2]])


class Moody(torch.nn.Module):
    """Differs between training and evaluation, and in precision between rows of a matrix."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        self.hidden, self.norm = torch.nn.Linear(75, 33), torch.nn.BatchNorm1d(33)
        self.out, self.drop = torch.nn.Linear(33, 7), torch.nn.Dropout(0.5)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.out(self.drop(torch.tanh(self.norm(self.hidden(images.flatten(1))))))


def _samples(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    images = generator.random((count, 3, 5, 5), dtype=np.float32)
    return images, generator.integers(0, 7, count), generator.permutation(1000)[:count]


def test_answers_are_the_same_bytes_in_any_batch():
    images, labels, indices = _samples(150)
    victim = NetworkVictim(Moody(), chunk=16)
    logits, gradient = victim.logits_and_gradient(images, labels, indices)
    order = np.random.default_rng(6).permutation(150)
    for chosen in (order, order[:37], order[:1], np.arange(20, 90)):
        some = victim.logits_and_gradient(images[chosen], labels[chosen], indices[chosen])
        assert some[0].tobytes() == logits[chosen].tobytes()
        assert some[1].tobytes() == gradient[chosen].tobytes()
    assert victim.logits(images, indices).tobytes() == logits.tobytes()


def test_modes_flags_gradients_and_threads_are_put_back_even_after_an_error():
    module = Moody()
    module.train()
    module.drop.eval()
    module.hidden.weight.requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    threads = torch.get_num_threads()
    images, labels, indices = _samples(3)
    NetworkVictim(module).logits_and_gradient(images, labels, indices)
    with pytest.raises(DataError, match="do not fit a model of 7 classes"):
        NetworkVictim(module, threads=threads + 1).loss_gradient(images, labels + 7 - labels.min(), indices)
    assert module.training and module.norm.training and not module.drop.training
    assert not module.hidden.weight.requires_grad and module.out.weight.requires_grad
    assert all(parameter.grad is None for parameter in module.parameters())
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert torch.get_num_threads() == threads


def test_inside_evaluating_nothing_trains():
    module = Moody()
    with evaluating(module):
        assert not any(part.training for part in module.modules())
        assert not any(parameter.requires_grad for parameter in module.parameters())


def test_gradients_flow_where_the_caller_switched_them_off(linear_case):
    with torch.no_grad():
        gradient = NetworkVictim(linear_case.module).loss_gradient(
            linear_case.images[:2], linear_case.labels[:2], linear_case.indices[:2]
        )
    assert gradient.all()


def test_indices_and_draw_reach_a_module_that_asks_for_them():
    class Keyed(torch.nn.Module):
        def forward(self, images, indices=None, draw=0):
            keys = torch.as_tensor(indices, dtype=torch.float32) + 1000 * draw
            return torch.stack([images.flatten(1).sum(1) * 0 + keys, keys * 0], 1)

    images = np.zeros((3, 1, 1, 1), dtype=np.float32)
    logits = NetworkVictim(Keyed()).logits(images, np.array([7, 3, 9]), draw=2)
    assert logits[:, 0].tolist() == [2007, 2003, 2009]


def test_a_module_without_finite_logits_is_refused(linear_case):
    with torch.no_grad():
        linear_case.module.weight[0, 0] = torch.nan
    with pytest.raises(DataError, match="not finite"):
        NetworkVictim(linear_case.module).logits(linear_case.images, linear_case.indices)


def test_impossible_chunk_is_refused(linear_case):
    with pytest.raises(SettingsError):
        NetworkVictim(linear_case.module, chunk=0)


def test_a_module_says_itself_whether_it_draws(linear_case):
    assert not NetworkVictim(linear_case.module).stochastic
    linear_case.module.stochastic = True
    assert NetworkVictim(linear_case.module).stochastic
    assert not NetworkVictim(linear_case.module, stochastic=False).stochastic


def test_vector_jacobian_of_a_linear_victim_is_its_weights(linear_case):
    victim, images = NetworkVictim(linear_case.module, chunk=16), linear_case.images
    direction = np.random.default_rng(3).integers(-8, 9, (90, 2)) / 4
    gradient = victim.vector_jacobian(images, linear_case.indices, direction)
    weight = linear_case.module.weight.detach().numpy()
    np.testing.assert_array_equal(gradient, (direction @ weight).reshape(images.shape).astype(np.float32))
    assert victim.queries == Queries(forward=90, backward=90)
    some = victim.vector_jacobian(images[5:7], linear_case.indices[5:7], direction[5:7])
    assert some.tobytes() == gradient[5:7].tobytes()
