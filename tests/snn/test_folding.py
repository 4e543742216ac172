from __future__ import annotations

import pytest
import torch

from lavarobust.snn.folding import fold_batch_norm, layer_scale, quantise, unrounded
from lavarobust.snn.scalars import DeviceScalars

SCALARS = DeviceScalars(100, 0)


def test_folded_batch_norm_equals_batch_norm() -> None:
    generator = torch.Generator().manual_seed(0)
    weight, x = torch.randn(4, 6, generator=generator), torch.randn(32, 6, generator=generator)
    norm = torch.nn.BatchNorm1d(4, eps=1e-5).eval()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([1.0, -2.0, 0.5, 3.0]))
        norm.bias.copy_(torch.tensor([0.1, 0.2, -0.3, 0.0]))
        norm.running_mean.copy_(torch.tensor([0.5, -0.5, 0.0, 2.0]))
        norm.running_var.copy_(torch.tensor([0.25, 4.0, 1.0, 9.0]))
    folded, bias = fold_batch_norm(
        weight, norm.weight, norm.bias, norm.running_mean, norm.running_var, norm.eps
    )
    torch.testing.assert_close(x @ folded.T + bias, norm(x @ weight.T))


@pytest.mark.parametrize(
    ("weight", "bias", "peak", "expected"),
    [
        (0.5, None, 0.0, 254 / 0.5),  # 8-bit weights decide
        (1e-6, None, 0.0, 131_071),  # the 17-bit threshold decides
        (0.5, 10.0, 0.0, 409.5),  # the 13-bit bias mantissa decides
        (0.5, 1.0, 500.0, 131_072 / 1000),  # states seen, with a factor 2 to spare
    ],
)
def test_scale_is_the_largest_that_every_width_allows(weight, bias, peak, expected) -> None:
    tensor = None if bias is None else torch.tensor([bias])
    assert layer_scale(torch.tensor([[weight]]), tensor, peak) == pytest.approx(expected, rel=1e-6)


def test_a_threshold_above_one_leaves_its_17_bits_less_scale() -> None:
    weight = torch.tensor([[1e-6]])
    assert layer_scale(weight, None, 0.0, threshold=4.0) == 131_071 / 4
    assert layer_scale(weight, None, 0.0, threshold=0.5) == 131_071 / 0.5


def test_quantised_weights_are_even_and_gradients_pass_straight_through() -> None:
    weight = torch.tensor([[0.1, -1.0, 0.52]], requires_grad=True)
    bias = torch.tensor([0.25], requires_grad=True)
    made = quantise(weight, bias, SCALARS, 100.0)
    assert made.weight.tolist() == [[10, -100, 52]]
    assert made.bias is not None and made.bias.tolist() == [25]
    assert made.scalars is SCALARS
    (made.weight.sum() + made.bias.sum()).backward()
    assert weight.grad is not None and weight.grad.tolist() == [[100, 100, 100]]
    assert bias.grad is not None and bias.grad.tolist() == [100]


def test_quantisation_stays_in_range_where_a_frozen_scale_is_outgrown() -> None:
    made = quantise(torch.tensor([[3.0, -3.0]]), torch.tensor([100.0]), SCALARS, 100.0)
    assert made.weight.tolist() == [[254, -254]]
    assert made.bias is not None and made.bias.tolist() == [4095]


def test_unrounded_layer_is_only_scaled() -> None:
    made = unrounded(torch.tensor([[0.123]]), torch.tensor([0.4567]), SCALARS, 10.0)
    torch.testing.assert_close(made.weight, torch.tensor([[1.23]]))
    torch.testing.assert_close(made.bias, torch.tensor([4.567]))
