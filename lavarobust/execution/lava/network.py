"""The stock NetX network of a model, with the arguments that make streaming exact."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from lava.lib.dl.netx.hdf5 import Network

from lavarobust.errors import BackendError, LavarobustError
from lavarobust.netx.model import Conv, Dense, Model
from lavarobust.netx.read import read_model
from lavarobust.netx.write import write_model


def stock_network(model: Model, window: int, message_bits: int, sparse_fc_layer: bool = False) -> Network:
    """lava-dl's own ``Network`` of the model.

    A model that still equals the file it was read from (or that file's first layers) is loaded from
    that file; any other is exported to a temporary one first.

    Args:
        model: the integer model.
        window: reset interval in steps; sigma-delta neurons have none.
        message_bits: 0 for spikes of 0 and 1; positive for integer payloads.
        sparse_fc_layer: dense layers as Lava's sparse Processes.

    Raises:
        BackendError: the stock loader can't build it.
        ModelFileError: the model can't be exported without loss.
    """
    if _is_its_file(model):
        return _load(Path(model.name), model, window, message_bits, sparse_fc_layer)
    with tempfile.TemporaryDirectory(prefix="lavarobust-") as folder:
        path = Path(folder) / "model.net"
        write_model(model, path)
        return _load(path, model, window, message_bits, sparse_fc_layer)


def _load(path: Path, model: Model, window: int, message_bits: int, sparse_fc_layer: bool) -> Network:
    def load(layers: int) -> Network:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            network = Network(
                net_config=os.fspath(path),
                num_layers=layers,
                input_shape=model.input_shape[::-1],
                input_message_bits=message_bits,
                reset_interval=None if model.sigma_delta else window,
                reset_offset=1,
                sparse_fc_layer=sparse_fc_layer,
            )
        network.net_config.f.close()  # the loader never does, and keeps the file from being rewritten
        return network

    try:
        network = load(len(model.layers))
    except Exception as error:
        raise BackendError(
            f"{model.name}: lava-dl's loader fails at layer {_failing_layer(model, load)} "
            f"({type(error).__name__}: {error}). Run it on the backend 'simulator'"
        ) from error
    if len(network) != len(model.populations):
        raise BackendError(
            f"{model.name}: lava-dl's loader made {len(network)} populations of the file, "
            f"{len(model.populations)} were expected. It skips layer types that it does not know"
        )
    return network


def _failing_layer(model: Model, load: Callable[[int], Network]) -> str:
    for index, layer in enumerate(model.layers):
        if not isinstance(layer, (Dense, Conv)):
            continue
        try:
            load(index + 1)
        except Exception:
            return model.layer_name(index)
    return "(unknown)"


def _is_its_file(model: Model) -> bool:
    if not os.path.isfile(model.name):
        return False
    try:
        on_disk = read_model(model.name, input_shape=model.input_shape, layers=len(model.layers))
    except LavarobustError:
        return False
    return _equal(on_disk.layers, model.layers)


def _equal(one: Any, other: Any) -> bool:
    """Whether two layers (or tuples of them) hold the same integers."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    if is_dataclass(one):
        return all(_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(one))
    return bool(np.array_equal(one, other))
