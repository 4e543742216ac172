from __future__ import annotations

import json
import pickle

import pytest
import torch
from safetensors.torch import save_file

from lavarobust.training.checkpoint import (
    FORMAT,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    optimiser_tensors,
    restore_module,
    restore_optimiser,
    save_checkpoint,
)


def test_tensors_and_facts_come_back(tmp_path):
    tensors = {"network": {"a.b": torch.arange(6).view(2, 3), "c": torch.tensor(1.5)}, "best": {}}
    save_checkpoint(tmp_path / "x", Checkpoint(tensors, {"epoch": 3, "list": [1, None]}))
    back = load_checkpoint(tmp_path / "x")
    assert back.facts == {"format": FORMAT, "epoch": 3, "list": [1, None]}
    assert set(back.tensors) == {"network"}
    for name, tensor in tensors["network"].items():
        assert torch.equal(back.tensors["network"][name], tensor)


def test_the_same_checkpoint_is_the_same_bytes(tmp_path):
    tensors = {"network": {name: torch.ones(3) for name in "zyxabc"}}
    for name in ("a", "b"):
        save_checkpoint(tmp_path / name, Checkpoint(tensors, {"epoch": 3}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def write_text(path):
    path.write_text("hello, this is some text")


def write_pickle(path):
    path.write_bytes(pickle.dumps({"a": 1}))


def write_truncated(path):
    save_checkpoint(path, Checkpoint({"network": {"a": torch.ones(100)}}, {}))
    path.write_bytes(path.read_bytes()[:-7])


def write_foreign(path):
    save_file({"a": torch.ones(3)}, path)


def write_other_format(path):
    save_file({"a": torch.ones(3)}, path, {"lavarobust": json.dumps({"format": "lavarobust checkpoint 99"})})


def write_not_json(path):
    save_file({"a": torch.ones(3)}, path, {"lavarobust": "{"})


def write_nan(path):
    save_checkpoint(path, Checkpoint({"network": {"a": torch.tensor([1.0, float("nan")])}}, {}))


@pytest.mark.parametrize(
    "write",
    [
        write_text,
        write_pickle,
        write_truncated,
        write_foreign,
        write_other_format,
        write_not_json,
        write_nan,
        lambda path: path.write_bytes(b""),
        lambda path: path.mkdir(),
        lambda path: None,
    ],
)
def test_a_wrong_file_is_one_line_with_the_file_and_the_remedy(tmp_path, write):
    path = tmp_path / "checkpoint.safetensors"
    write(path)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ") and "\n" not in message
    assert "Train" in message or "Use" in message


def test_a_module_is_restored_whole_or_not_at_all():
    module = torch.nn.Linear(3, 2)
    good = {name: torch.full_like(tensor, 2.0) for name, tensor in module.state_dict().items()}
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    for wrong, problem in (
        ({"weight": good["weight"]}, "lacks bias"),
        ({**good, "more": torch.ones(1)}, "holds more"),
        ({**good, "bias": torch.ones(5)}, r"bias is float32 \(5,\), and float32 \(2,\)"),
        ({**good, "bias": torch.ones(2, dtype=torch.int32)}, "bias is int32"),
    ):
        with pytest.raises(CheckpointError, match=f"^here: {problem}.*use the recipe"):
            restore_module(module, wrong, "here")
        assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    restore_module(module, good, "here")
    assert bool((module.weight == 2).all())


@pytest.mark.parametrize(
    "make", [lambda p: torch.optim.Adam(p, 0.1), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)]
)
def test_an_optimiser_goes_on_with_the_same_bytes(make):
    def step(module, optimiser):
        module(torch.ones(1, 3)).square().sum().backward()
        optimiser.step()

    def build():
        module = torch.nn.Linear(3, 2)
        torch.nn.init.ones_(module.weight)
        torch.nn.init.ones_(module.bias)
        return module, make(module.parameters())

    one, one_optimiser = build()
    for _ in range(3):
        step(one, one_optimiser)
    other, other_optimiser = build()
    restore_module(other, one.state_dict(), "here")
    restore_optimiser(other_optimiser, optimiser_tensors(one_optimiser), "here")
    for module, optimiser in ((one, one_optimiser), (other, other_optimiser)):
        optimiser.zero_grad()
        step(module, optimiser)
    assert torch.equal(one.weight, other.weight) and torch.equal(one.bias, other.bias)


@pytest.mark.parametrize("key", ["7/exp_avg", "x/exp_avg", "0/exp_avg"])
def test_an_optimisers_memory_of_other_parameters_is_refused(key):
    optimiser = torch.optim.Adam(torch.nn.Linear(3, 2).parameters())
    with pytest.raises(CheckpointError, match=f"optimiser/{key} fits no parameter"):
        restore_optimiser(optimiser, {key: torch.ones(9)}, "here")
