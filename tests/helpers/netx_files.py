"""NetX files made by hand, and the one error that a wrong one must give."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from lavarobust.errors import ModelFileError
from lavarobust.netx import read_model
from netx_models import even_weight

Edit = Callable[[h5py.File], None]

LIF = {"neuron/type": b"CUBA", "neuron/iDecay": 4096, "neuron/vDecay": 128, "neuron/vThMant": 80}
DENSE: dict[str, object] = {"type": b"dense", "shape": [2], "weight": np.float32([[2, -4, 6], [8, 0, -2]])}
CONV: dict[str, object] = {
    "type": np.array([b"conv"]), "shape": [2, 4, 4], "weight": even_weight((2, 1, 3, 3)).astype(np.float32),
    "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "groups": 1, **LIF,
}  # fmt: skip


def put(group: h5py.Group, key: str, value: object) -> None:
    """Replace a dataset."""
    if key in group:
        del group[key]
    group[key] = value


def edited(image: bytes, folder: Path, edit: Edit) -> Path:
    path = folder / "edited.net"
    path.write_bytes(image)
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def layer_file(folder: Path, *layers: dict[str, object]) -> Path:
    """A file of the given layers, each a mapping of NetX keys (``neuron/...`` too)."""
    path = folder / "made.net"
    with h5py.File(path, "w") as file:
        for index, entries in enumerate(layers):
            for key, value in entries.items():
                file[f"layer/{index}/{key}"] = value
    return path


def refuse(path: Path, place: str, problem: str, **arguments: object) -> ModelFileError:
    with pytest.raises(ModelFileError) as caught:
        read_model(path, **arguments)  # type: ignore[arg-type]
    error = caught.value
    assert error.where == (f"{path}: {place}" if place else str(path))
    assert problem in error.problem
    assert error.remedy
    assert "\n" not in str(error)
    return error


@contextmanager
def unprivileged(mode: int = 0o777) -> Iterator[Path]:
    """A folder of this mode, and a user who is not root for the length of the block."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, mode)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            if root:
                os.seteuid(0)
            os.chmod(folder, 0o777)
