from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from lavarobust.errors import BackendError, ModelFileError
from lavarobust.netx.model import READOUT, Dense, Model, Neuron
from lavarobust.netx.read import read_model
from lavarobust.netx.write import write_model

pytest.importorskip("lava.magma")
from lavarobust.execution.lava import network as subject  # isort: skip (it prepares the import of lava)


@pytest.fixture
def loaded(monkeypatch):
    """Paths that the stock loader was given."""
    paths = []

    class Recording(subject.Network):
        def __init__(self, net_config, **arguments):
            paths.append(Path(net_config))
            super().__init__(net_config, **arguments)

    monkeypatch.setattr(subject, "Network", Recording)
    return paths


@pytest.fixture
def model():
    weight = np.array([[2, -4, 6], [8, 10, -254]], dtype=np.int32)
    return Model((Dense(weight, Neuron(4096, 3, 7)), Dense(weight[:, :2], READOUT)), (3,), name="two layers")


def test_a_model_runs_from_its_own_file_only_while_it_equals_it(model, loaded, tmp_path):
    path = tmp_path / "two.net"
    write_model(model, path)
    read = read_model(path)
    network = subject.stock_network(read, 8, 0)
    assert loaded == [path]
    assert (network.reset_interval, network.reset_offset, network.input_message_bits) == (8, 1, 0)

    first = read.layers[0]
    first = replace(first, neuron=replace(first.neuron, threshold=9))
    changed = replace(read, layers=(first, read.layers[1]))
    other = subject.stock_network(changed, 8, 0)
    assert loaded[1] != path
    assert not loaded[1].parent.exists(), "the temporary export is gone"
    assert other.layers[0].neuron.vth.init == 9
    with h5py.File(path, "a") as file:  # the loader left it closed
        assert file["layer/0/neuron/vThMant"][()] == 7


def test_the_first_layers_of_a_file_run_from_it(model, loaded, tmp_path):
    path = tmp_path / "two.net"
    write_model(model, path)
    assert len(subject.stock_network(read_model(path, layers=1), 8, 0)) == 1
    assert loaded == [path]


def test_a_model_that_stock_lava_would_change_is_not_exported(model):
    odd = replace(model.layers[0], weight=np.array([[1, 3, -300], [8, 10, -254]], dtype=np.int32))
    with pytest.raises(ModelFileError, match="other weights"):
        subject.stock_network(replace(model, layers=(odd, model.layers[1])), 8, 0)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_layer_that_the_loader_can_not_build_is_named(model, tmp_path, monkeypatch):
    path = tmp_path / "zeros.net"
    write_model(model, path)
    with h5py.File(path, "a") as file:
        file["layer/1/weight"][...] = 0
    monkeypatch.setattr(subject, "_is_its_file", lambda model: True)
    with pytest.raises(BackendError, match=r"zeros.net: .* fails at layer 1 dense \(OverflowError"):
        subject.stock_network(replace(model, name=str(path)), 8, 0)
