"""Checkpoints: one safetensors file each, tensors and JSON together, so that one rename is atomic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from lavarobust.errors import LavarobustError
from lavarobust.files import atomic_write

FORMAT = "lavarobust checkpoint 1"
_KEY = "lavarobust"


class CheckpointError(LavarobustError):
    """A checkpoint that is missing, damaged, or of another network or training."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Named tensors, and plain data about them.

    Attributes:
        tensors: groups by name, e.g. ``network``, each a mapping from names to tensors.
        facts: anything that JSON can hold.
    """

    tensors: Mapping[str, Mapping[str, torch.Tensor]]
    facts: Mapping[str, Any]


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; the file holds the old or the new one whenever the program is killed.

    Raises:
        WriteError: the file can't be written.
    """
    flat = {
        f"{group}/{name}": tensor.detach().cpu().contiguous()
        for group, tensors in checkpoint.tensors.items()
        for name, tensor in tensors.items()
    }
    facts = json.dumps({"format": FORMAT, **checkpoint.facts}, allow_nan=False)
    atomic_write(path, save(flat, {_KEY: facts}))


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        CheckpointError: missing, damaged, not a checkpoint, or with numbers that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint. Train first, or name the folder of another run")
    groups: dict[str, dict[str, torch.Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads((file.metadata() or {})[_KEY])
            for key in file.keys():  # noqa: SIM118 (a file, not a mapping)
                group, _, name = key.partition("/")
                groups.setdefault(group, {})[name] = file.get_tensor(key)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise CheckpointError(
            f"{path}: is not a checkpoint of lavarobust, or a damaged one ({_first_line(error)}). "
            "Train again, or name another run"
        ) from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise CheckpointError(
            f"{path}: was written in another format than {FORMAT!r}. "
            "Use the version of lavarobust that wrote it"
        )
    for group, tensors in groups.items():
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise CheckpointError(
                    f"{path}: {group}/{name} holds numbers that are not finite. Train again"
                )
    return Checkpoint(groups, facts)


def restore_module(module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], where: str | Path) -> None:
    """Give a module its tensors back.

    Raises:
        CheckpointError: other names, shapes or types than the module's; nothing was changed then.
    """
    expected = module.state_dict()
    if unlike := expected.keys() ^ tensors.keys():
        name = min(unlike)
        problem = f"lacks {name}" if name in expected else f"holds {name}, which the network lacks"
        raise CheckpointError(f"{where}: {problem}. {_OTHER_NETWORK}")
    for name, tensor in expected.items():
        found = tensors[name]
        if (found.shape, found.dtype) != (tensor.shape, tensor.dtype):
            raise CheckpointError(
                f"{where}: {name} is {_describe(found)}, and {_describe(tensor)} in the network. "
                f"{_OTHER_NETWORK}"
            )
    module.load_state_dict(dict(tensors))


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """An optimiser's memory, by ``<parameter's number>/<name>``."""
    return {
        f"{number}/{name}": value
        for number, memory in optimiser.state_dict()["state"].items()
        for name, value in memory.items()
        if isinstance(value, torch.Tensor)
    }


def restore_optimiser(
    optimiser: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], where: str | Path
) -> None:
    """Give an optimiser its memory back.

    Raises:
        CheckpointError: the memory is of other parameters.
    """
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    memory: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, _, name = key.partition("/")
        known = number.isdigit() and int(number) < len(parameters)
        if not known or tensor.shape not in (torch.Size(), parameters[int(number)].shape):
            raise CheckpointError(f"{where}: optimiser/{key} fits no parameter. {_OTHER_NETWORK}")
        memory.setdefault(int(number), {})[name] = tensor.clone()
    optimiser.load_state_dict({"state": memory, "param_groups": optimiser.state_dict()["param_groups"]})


_OTHER_NETWORK = "It belongs to another network: use the recipe it was made with"


def _describe(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
