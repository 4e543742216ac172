"""Files that are damaged or made to harm: one error, nothing huge allocated, nothing else opened."""

from __future__ import annotations

from pathlib import Path

import h5py
import pytest
from extended_models import gated, skipping, softened, summed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from netx_files import Edit, edited, put, refuse, unprivileged

from lavarobust.errors import LavarobustError, ModelFileError
from lavarobust.netx import Model, model_image, read_model
from netx_models import conv_model


@pytest.fixture(scope="module")
def image() -> bytes:
    """The file of a model with every layer kind: input, conv, grouped conv, flatten, delays, recurrence."""
    return model_image(conv_model())


def test_links_and_data_elsewhere_are_refused(image: bytes, tmp_path: Path) -> None:
    def link(target: object) -> Edit:
        return lambda file: put(file, "layer/1/weight", target)

    def external_data(file: h5py.File) -> None:
        del file["layer/1/weight"]
        file.create_dataset("layer/1/weight", (4, 2, 3, 3), "f4", external=[(str(tmp_path / "raw"), 0, 288)])

    def virtual(file: h5py.File) -> None:
        del file["layer/1/weight"]
        layout = h5py.VirtualLayout((4, 2, 3, 3), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "weight", (4, 2, 3, 3))
        file["layer/1"].create_virtual_dataset("weight", layout)

    (tmp_path / "raw").write_bytes(bytes(288))
    for edit, problem in (
        (link(h5py.SoftLink("/layer/1/bias")), "link"),
        (link(h5py.SoftLink("/nowhere")), "link"),
        (link(h5py.ExternalLink("/etc/passwd", "/weight")), "link"),
        (external_data, "another file"),
        (virtual, "another file"),
        (lambda file: put(file, "layer/1/neuron", h5py.SoftLink("/layer/1/neuron")), None),
    ):
        path = edited(image, tmp_path, edit)
        if problem is None:
            refuse(path, "layer/1/neuron", "link")
        else:
            refuse(path, "layer/1/weight", problem)


def test_groups_and_datasets_in_each_others_place(image: bytes, tmp_path: Path) -> None:
    refuse(edited(image, tmp_path, lambda file: put(file, "layer", 3)), "layer", "not a group")
    refuse(
        edited(image, tmp_path, lambda file: put(file, "layer/1/neuron", 3)), "layer/1/neuron", "not a group"
    )

    def group(file: h5py.File) -> None:
        del file["layer/1/bias"]
        file.create_group("layer/1/bias")

    refuse(edited(image, tmp_path, group), "layer/1/bias", "not a dataset")


@pytest.mark.parametrize("key", ["weight", "bias", "shape", "neuron/iDecay", "type"])
def test_huge_declared_shapes_are_refused_before_reading(image: bytes, tmp_path: Path, key: str) -> None:
    def declare(file: h5py.File) -> None:
        del file[f"layer/1/{key}"]
        kind = "S4" if key == "type" else "f4"
        file.create_dataset(f"layer/1/{key}", (1 << 20, 1 << 20), kind, chunks=(64, 64))

    path = edited(image, tmp_path, declare)
    assert path.stat().st_size < 1 << 20
    refuse(path, f"layer/1/{key}", "declares the shape")


def test_what_is_no_hdf5_file(image: bytes, tmp_path: Path) -> None:
    text = tmp_path / "text.net"
    text.write_text("layer: 3\n")
    refuse(text, "", "is not an HDF5 file")
    empty = tmp_path / "empty.net"
    empty.touch()
    refuse(empty, "", "is not an HDF5 file")
    refuse(tmp_path, "", "can't be opened: Is a directory")
    refuse(tmp_path / "missing.net", "", "can't be opened: No such file")
    with pytest.raises(ModelFileError, match="can't be opened"):
        read_model("nul\0byte")


def test_a_file_without_permission(image: bytes) -> None:
    with unprivileged() as folder:
        path = folder / "closed.net"
        path.write_bytes(image)
        path.chmod(0)
        refuse(path, "", "can't be opened: Permission denied")


def test_truncated_files(image: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.net"
    for length in {8, 9, 96, 500, len(image) // 4, len(image) // 2, len(image) - 1000, len(image) - 1}:
        path.write_bytes(image[:length])
        with pytest.raises(ModelFileError) as caught:
            read_model(path)
        assert str(path) in str(caught.value)


def read_quietly(path: Path) -> str:
    """Read a damaged file: ``read`` or ``refused``; anything but our own errors passes through."""
    try:
        model = read_model(path)
    except LavarobustError:
        return "refused"
    assert isinstance(model, Model)
    return "read"


@pytest.fixture(scope="module")
def extended() -> bytes:
    """The same model as an extended file, with soft resets, gates, shortcuts and a sum."""
    return model_image(skipping(summed(gated(softened(conv_model()), 2, 4, 6), 1)))


@pytest.mark.parametrize("kind", ["image", "extended"])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_flipped_and_cut_bytes_are_read_or_refused(
    request: pytest.FixtureRequest, kind: str, tmp_path: Path, data: st.DataObject
) -> None:
    image: bytes = request.getfixturevalue(kind)
    damaged = bytearray(image)
    structure = [place for place in range(len(image)) if image[place]]
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.one_of(st.integers(0, len(image) - 1), st.sampled_from(structure)))
        damaged[place] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(image))) :]
    path = tmp_path / "fuzzed.net"
    path.write_bytes(damaged)
    read_quietly(path)
