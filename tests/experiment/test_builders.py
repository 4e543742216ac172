from __future__ import annotations

import pytest
import torch

from lavarobust.errors import SettingsError
from lavarobust.experiment.builders import build_device, build_network
from lavarobust.experiment.loading import load_recipe


@pytest.mark.parametrize(
    ("found", "asked", "device"),
    [(False, "auto", "cpu"), (True, "auto", "cuda"), (True, "cpu", "cpu"), (True, "cuda", "cuda")],
)
def test_a_gpu_is_taken_where_there_is_one(found, asked, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found)
    assert build_device(load_recipe("digits-plain", [f"device={asked}"])).type == device


def test_a_gpu_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SettingsError, match="device is 'cuda', and torch finds no CUDA GPU"):
        build_device(load_recipe("digits-plain", ["device=cuda"]))


def test_a_named_architecture_takes_its_shape_and_classes_from_the_data() -> None:
    recipe = load_recipe(
        "digits-plain",
        ["network.layers=null", "network.architecture={name: small-resnet, width: 0.25, head: pooled}"],
    )
    network = build_network(recipe, (1, 8, 8), 10)
    images = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert network.eval()(images).shape == (3, 10)
    # 4 and 4 channels at 4 x 4, then 8 at 2 x 2, pooled away in front of 10 classes
    assert [tuple(shape) for shape in network.block_inputs] == [
        (1, 8, 8), (4, 4, 4), (4, 4, 4), (4, 4, 4), (8, 2, 2), (8, 2, 2),
    ]  # fmt: skip
