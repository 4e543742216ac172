from __future__ import annotations

import pytest
import torch

from lavarobust.errors import SettingsError
from lavarobust.experiment.builders import build_device
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
