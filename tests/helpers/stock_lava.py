"""Run NetX files in stock Lava, as someone would who has the files and lava-dl alone.

``stock_lava.py FOLDER...`` is a program of its own. Each folder holds ``model.net``, the input
``frames.npy`` ``(N, C, H, W, F)`` and ``call.txt``, a ready call of the loader; it gets ``stock.npz`` with
every layer's windows ``(N, *shape, T)`` and the last potentials ``(N, classes)``, and a list of the
modules of this package that were loaded meanwhile (the patches for Python 3.11 and later, and no more).
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import h5py
import numpy as np

if sys.version_info >= (3, 11) or importlib.util.find_spec("cv2") is None:
    from lavarobust.compat import activate

    activate()

from lava.lib.dl import netx
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import Read
from lava.proc.io.sink import RingBuffer as Sink
from lava.proc.io.source import RingBuffer as Source


def loader_arguments(path: Path) -> dict[str, object]:
    """The keyword arguments that the file itself stores."""
    with h5py.File(path) as file:
        stored = {key: value[()].tolist() for key, value in file["lavarobust/netx_arguments"].items()}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()}


def variables(network: netx.hdf5.Network) -> dict[str, object]:
    """Every initial value and parameter of a network's Processes."""
    found: dict[str, object] = {"message bits": network.input_message_bits}
    for position, block in enumerate(network.layers):
        for process in (block.synapse, block.neuron):
            where = f"{position} {type(process).__name__}"
            for var in process.vars:
                found[f"{where} {var.name}"] = np.asarray(var.init).tolist()
            for key in ("reset_interval", "reset_offset", "weight_exp", "num_weight_bits"):
                found[f"{where} {key}"] = np.asarray(process.proc_params.get(key, 0)).tolist()
    return found


def windows(data: np.ndarray, position: int, samples: int, steps: int) -> np.ndarray:
    """``(N, C, H, W, T)`` or ``(N, n, T)`` of a sink's ``(W, H, C, time)``: one step later per layer."""
    cut = data[..., position + 1 : position + 1 + samples * steps].T
    return np.moveaxis(cut.reshape(samples, steps, *cut.shape[1:]), 1, -1).astype(np.int64)


def run(path: Path, frames: np.ndarray) -> dict[str, np.ndarray]:
    arguments = loader_arguments(path)
    network = netx.hdf5.Network(net_config=str(path), **arguments)
    steps, samples, depth = int(arguments["reset_interval"]), len(frames), len(network)  # type: ignore[call-overload]
    shape = network.inp.shape
    data = np.zeros((*shape, samples * steps), dtype=np.int32)
    for sample, image in enumerate(frames):
        for step in range(image.shape[-1]):
            pixels = image[..., step]
            data[..., sample * steps + step] = pixels.T if len(shape) == 3 else pixels.reshape(shape)
    source = Source(data=data)
    source.s_out.connect(network.inp)
    total = samples * steps + depth
    sinks = []
    for block in network.layers:
        sinks.append(Sink(shape=block.out.shape, buffer=total))
        block.out.connect(sinks[-1].a_in)
    read = Read(buffer=samples + 1, interval=steps, offset=(depth - 1) % steps)
    read.connect_var(network.layers[-1].neuron.v)
    network.run(condition=RunSteps(num_steps=total), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    try:
        result = {
            f"layer{position}": windows(sink.data.get(), position, samples, steps)
            for position, sink in enumerate(sinks)
        }
        return result | {"potential": read.data.get()[:, 1:].T.astype(np.int64)}
    finally:
        network.stop()


def main(folders: list[str]) -> None:
    for folder in map(Path, folders):
        path = folder / "model.net"
        called = eval((folder / "call.txt").read_text(), {"netx": netx})
        stored = netx.hdf5.Network(net_config=str(path), **loader_arguments(path))
        same = variables(called) == variables(stored)
        result = run(path, np.load(folder / "frames.npy", allow_pickle=False))
        np.savez(folder / "stock.npz", same_network=same, **result)
        (folder / "call.json").write_text(json.dumps(variables(called)))
    ours = sorted(name for name in sys.modules if name.split(".")[0] == "lavarobust")
    (Path(folders[0]) / "modules.json").write_text(json.dumps(ours))


if __name__ == "__main__":
    main(sys.argv[1:])
