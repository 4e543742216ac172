from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.dynamics import dense_events, products
from lavarobust.dynamics.dense_events import few_output_sums, forward, learn, spread, trusted

STEPS, SAMPLES, INPUTS = 3, 5, 4500
"""Enough that events are looked for; the last places are no whole row of 16."""


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def layer(generator: torch.Generator, outputs: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    frames = (torch.rand(STEPS, SAMPLES, INPUTS, generator=generator) < 0.05).float()
    frames[..., -1] = 1
    weight = torch.randint(-127, 128, (outputs, INPUTS), generator=generator) * 2.0
    return frames.requires_grad_(), weight.requires_grad_()


def test_loops_are_trusted_here() -> None:
    assert trusted()


def test_a_layer_by_hand() -> None:
    frames = np.zeros((2, 1, 18), dtype=np.float32)
    frames[0, 0, [0, 17]] = 1, 3
    frames[1, 0, 16] = -1
    weight = np.arange(36, dtype=np.float32).reshape(2, 18)
    sums, events = forward(frames, weight, 3.0)
    assert sums.tolist() == [[[51.0, 18.0 + 3 * 35]], [[-16.0, -34.0]]]
    assert events.places[0, :3].tolist() == [0, 17, 16]
    assert events.values[0, :3].tolist() == [1.0, 3.0, -1.0]
    assert events.ends.tolist() == [[2, 3]]
    d_sums = np.zeros((2, 1, 16), dtype=np.float32)
    d_sums[0, 0, :2], d_sums[1, 0, :2] = (1, 10), (2, 0)
    d_weight = learn(events, d_sums, weight.shape)
    assert {(o, k): d_weight[o, k] for o, k in np.argwhere(d_weight).tolist()} == {
        (0, 0): 1, (0, 17): 3, (0, 16): -2, (1, 0): 10, (1, 17): 30
    }  # fmt: skip
    d_frames = spread(d_sums, weight)
    assert d_frames[0, 0].tolist() == [k + 10 * (18 + k) for k in range(18)]
    assert d_frames[1, 0].tolist() == [2 * k for k in range(18)]


@given(st.integers(1, 40), st.integers(1, 16), st.floats(0, 1), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_sums_are_those_of_the_product(inputs: int, outputs: int, activity: float, seed: int) -> None:
    draw = np.random.default_rng(seed)
    frames = (draw.random((2, 2, inputs)) < activity) * draw.integers(-9, 10, (2, 2, inputs))
    weight = draw.integers(-254, 255, (outputs, inputs))
    sums, events = forward(frames.astype(np.float32), weight.astype(np.float32), 9.0)
    assert np.array_equal(sums, frames @ weight.T)
    assert not events.beyond.any()


def test_gradients_are_those_of_the_product(generator: torch.Generator) -> None:
    frames, weight = layer(generator)
    d_sums = torch.randn(STEPS, SAMPLES, 10, generator=generator)
    sums = few_output_sums(frames, weight)
    assert sums is not None
    exact = torch.nn.functional.linear(frames.double(), weight.double())
    assert torch.equal(sums.double(), exact)
    ours = torch.autograd.grad(sums, (frames, weight), d_sums)
    theirs = torch.autograd.grad(exact, (frames, weight), d_sums.double())
    for mine, reference in zip(ours, theirs, strict=True):
        assert (mine - reference).abs().max() <= 1e-6 * reference.abs().max()


def test_a_samples_gradient_is_the_same_beside_any_others(generator: torch.Generator) -> None:
    frames, weight = (part.detach() for part in layer(generator))
    d_sums = torch.randn(STEPS, SAMPLES, 10, generator=generator)
    busy = torch.ones(STEPS, 3 * SAMPLES, INPUTS)

    def gradient(beside: torch.Tensor) -> bytes:
        given = torch.cat([frames, beside], dim=1).requires_grad_()
        sums = few_output_sums(given, weight.double())
        assert sums is not None
        exact = torch.nn.functional.linear(given.double(), weight.double())
        assert torch.equal(sums.double(), exact)
        ascent = torch.zeros_like(sums)
        ascent[:, :SAMPLES] = d_sums
        (made,) = torch.autograd.grad(sums, given, ascent)
        return made[:, :1].numpy().tobytes()

    frames_alone = gradient(frames[:, :0])
    assert gradient(busy) == frames_alone  # a product instead of events
    frames, d_sums = frames[:, :1], d_sums[:, :1]
    few = torch.cat([frames, frames[:, :0]], dim=1).requires_grad_()
    sums = few_output_sums(few, weight)
    assert sums is not None
    (made,) = torch.autograd.grad(sums, few, d_sums)
    assert made.numpy().tobytes() == frames_alone


def test_any_number_of_threads_gives_the_same_bytes(generator: torch.Generator) -> None:
    frames, weight = layer(generator)
    d_sums = torch.randn(STEPS, SAMPLES, 10, generator=generator)
    made, usual = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            sums = few_output_sums(frames, weight)
            assert sums is not None
            made.append((sums, *torch.autograd.grad(sums, (frames, weight), d_sums)))
    finally:
        torch.set_num_threads(usual)
    for other in made[1:]:
        assert all(torch.equal(one, two) for one, two in zip(made[0], other, strict=True))


def test_an_input_larger_than_the_first_frame_tells_is_seen(generator: torch.Generator) -> None:
    frames, weight = (tensor.detach() for tensor in layer(generator))
    frames[1, 2, 7] = 3
    sums = few_output_sums(frames, weight)
    assert sums is not None
    assert torch.equal(sums, torch.nn.functional.linear(frames, weight))
    frames[1, 2, 7] = 1 << 20
    assert few_output_sums(frames, weight) is None


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf")])
def test_what_is_no_integer_is_left_to_the_product(generator: torch.Generator, value: float) -> None:
    frames, weight = (tensor.detach() for tensor in layer(generator))
    frames[2, 1, 16] = value
    assert few_output_sums(frames, weight) is None
    frames[2, 1, 16], weight[0, 0] = 0, 0.5
    assert few_output_sums(frames, weight) is None


def test_other_layers_are_left_to_the_product(generator: torch.Generator) -> None:
    frames, weight = (tensor.detach() for tensor in layer(generator, outputs=17))
    assert few_output_sums(frames, weight) is None
    assert few_output_sums(frames, weight[:16]) is not None
    assert few_output_sums(frames.double(), weight[:16].double()) is None
    assert few_output_sums(frames[0], weight[:16]) is None
    assert few_output_sums(torch.ones_like(frames), weight[:16].requires_grad_()) is None


def test_a_product_takes_over_where_loops_are_not_trusted(
    generator: torch.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, weight = layer(generator)
    monkeypatch.setattr(dense_events, "trusted", lambda: False)
    assert few_output_sums(frames, weight) is None
    assert torch.equal(products.dense_sums(frames, weight), torch.nn.functional.linear(frames, weight))
