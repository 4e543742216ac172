"""An exported file in stock lava-dl: loaded and run by a program that has nothing of ours but the patches."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exported_networks import NETWORKS, Case, exported_case

from lavarobust.netx import read_model, stock_call, write_model
from lavarobust.snn.deploy import describe
from lavarobust.snn.scalars import NeuronOptions

PROGRAM = Path(__file__).parents[1] / "helpers" / "stock_lava.py"
CASES = {
    "direct membrane": ("conv", "direct", "membrane", 5),
    "direct spike_count": ("pooled", "direct", "spike_count", 6),
    "repeat membrane": ("pool first", "repeat", "membrane", 3),
    "repeat spike_count": ("leaky", "repeat", "spike_count", 8),
    "rate membrane": ("dense", "rate", "membrane", 7),
    "rate spike_count": ("conv", "rate", "spike_count", 9),
    "signed_rate membrane": ("conv", "signed_rate", "membrane", 6),
    "frames membrane": ("conv", "frames", "membrane", 6),
    "frames spike_count": ("dense", "frames", "spike_count", 7),
    "trained threshold and leak": ("without batch norm", "direct", "membrane", 6),
}
NEURONS = {"trained threshold and leak": NeuronOptions("hard", "trained", "trained")}
"""What a plain file can hold of trained neurons."""


@pytest.fixture(scope="module")
def stock_runs(tmp_path_factory) -> tuple[dict[str, Case], dict[str, Path]]:
    """Every case exported into a folder and run by one program, since it starts slowly."""
    top = tmp_path_factory.mktemp("stock")
    cases, folders = {}, {}
    for name, (layers, kind, readout, steps) in CASES.items():
        case = cases[name] = exported_case(
            NETWORKS[layers], kind, readout, steps, NEURONS.get(name, NeuronOptions())
        )
        folder = folders[name] = top / name.replace(" ", "-")
        folder.mkdir()
        told = describe(
            case.network, case.model, case.images, case.indices,
            class_names=tuple("abcde"), data="random", recipe={}, versions={}, allow_overflow=True,
        )  # fmt: skip
        path = write_model(told, folder / "model.net")
        (folder / "call.txt").write_text(stock_call(read_model(path)))
        np.save(folder / "frames.npy", case.stimulus.frames)
    subprocess.run(
        [sys.executable, str(PROGRAM), *map(str, folders.values())],
        check=True, cwd=top, timeout=300, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return cases, folders


@pytest.mark.parametrize("name", CASES)
def test_every_layer_spikes_in_stock_lava_as_in_the_simulator(name, stock_runs) -> None:
    case, folder = stock_runs[0][name], stock_runs[1][name]
    with np.load(folder / "stock.npz", allow_pickle=False) as stock:
        for position, (index, _) in enumerate(case.model.populations):
            raster = case.simulated.rasters[index]
            np.testing.assert_array_equal(stock[f"layer{position}"], raster, f"layer {index}")
        if case.simulated.potential is not None:
            np.testing.assert_array_equal(stock["potential"], case.simulated.potential)


@pytest.mark.parametrize("name", CASES)
def test_the_printed_call_builds_the_same_network(name, stock_runs) -> None:
    folder = stock_runs[1][name]
    with np.load(folder / "stock.npz", allow_pickle=False) as stock:
        assert stock["same_network"]
    built = json.loads((folder / "call.json").read_text())
    steps = CASES[name][3]
    for position in range(len(stock_runs[0][name].model.populations)):
        assert built[f"{position} LIFReset reset_interval"] == steps
        # the first neurons hear the source at step 2, every layer one step after the one before
        assert built[f"{position} LIFReset reset_offset"] == position + 2
    assert (built["message bits"] == 0) == stock_runs[0][name].network.encoding.binary


def test_frames_are_sent_as_spikes_and_as_payloads(stock_runs) -> None:
    sent = {case.network.encoding.binary for name, case in stock_runs[0].items() if name.startswith("frames")}
    assert sent == {True, False}


def test_nothing_of_this_package_but_its_patches_was_loaded(stock_runs) -> None:
    loaded = json.loads((next(iter(stock_runs[1].values())) / "modules.json").read_text())
    extra = {name for name in loaded if not name.startswith("lavarobust.compat")}
    assert extra <= {"lavarobust", "lavarobust.errors"}, "compat needs only the package's name and its errors"
    if sys.version_info >= (3, 11):
        assert "lavarobust.compat" in loaded
