from __future__ import annotations

import torch

from lavarobust.attacks import craft_linf

CLEAN = torch.tensor([[[[0.5, 0.125, 1.0, 0.0]]]])
SLOPE = torch.tensor([[[[3.0, -1e-30, 2.0, 0.0]]]])


def test_steps_follow_the_sign_and_stop_at_the_box_and_the_pixel_range():
    one = craft_linf(lambda images: SLOPE, CLEAN, epsilon=0.25, step_size=0.125, steps=1)
    assert one.tolist() == [[[[0.625, 0.0, 1.0, 0.0]]]]
    many = craft_linf(lambda images: SLOPE, CLEAN, epsilon=0.25, step_size=0.125, steps=9)
    assert many.tolist() == [[[[0.75, 0.0, 1.0, 0.0]]]]


def test_start_is_cut_to_the_box_before_the_first_gradient():
    seen = []

    def gradient(images: torch.Tensor) -> torch.Tensor:
        seen.append(images.clone())
        return torch.zeros_like(images)

    end = craft_linf(gradient, CLEAN, 0.25, 1.0, 2, start=CLEAN + 0.5)
    assert [images.tolist() for images in seen] == [[[[[0.75, 0.375, 1.0, 0.25]]]]] * 2
    assert torch.equal(end, seen[0])


def test_gradients_are_taken_where_the_search_is_and_no_history_is_kept():
    weight = torch.tensor([1.0], requires_grad=True)

    def gradient(images: torch.Tensor) -> torch.Tensor:
        return weight * (0.6 - images)

    end = craft_linf(gradient, CLEAN.requires_grad_(), 0.5, 0.25, 3)
    assert end[0, 0, 0, 0] == 0.75
    assert not end.requires_grad
