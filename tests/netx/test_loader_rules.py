"""The loader's arithmetic against Lava's own functions, and bias and delay rules by hand."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lavarobust.errors import ModelFileError
from lavarobust.netx import (
    READOUT,
    Conv,
    Dense,
    changed_by_loading,
    effective_bias,
    effective_delay,
    load_weight,
)

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5))


def integers(shape: tuple[int, int], low: int, high: int, step: int = 1) -> st.SearchStrategy[np.ndarray]:
    size = shape[0] * shape[1]
    values = st.lists(st.integers(low, high), min_size=size, max_size=size)
    return values.map(lambda chosen: np.array(chosen, dtype=np.int32).reshape(shape) * step)


def matrices(shape: tuple[int, int]) -> st.SearchStrategy[np.ndarray]:
    """Matrices of every sign mode, range and step that the loader treats differently."""
    return st.one_of(
        integers(shape, -127, 127, 2),
        integers(shape, -128, 127, 2),
        integers(shape, 0, 255),
        integers(shape, 0, 300),
        integers(shape, -256, 0),
        integers(shape, -128, 0, 2),
        integers(shape, -300, -1),
        integers(shape, -256, -1),
        integers(shape, -3, 3),
        integers(shape, -1, 1, 64),
        integers(shape, -1, 1, 128),
        integers(shape, -1, 0, 128),
        integers(shape, -1, 0, 256),
        integers(shape, -600, 600),
        integers(shape, -(1 << 31), (1 << 31) - 1),
        integers(shape, 0, 1, 255),
        integers(shape, 0, 1, 256),
    )


@dataclass(frozen=True)
class Executed:
    """What Lava's Dense holds after its first step, and the exponent of its sums."""

    weights: list[np.ndarray]
    exponent: int


def lava(weight: np.ndarray, recurrent: np.ndarray | None) -> Executed | None:
    """Lava's own functions in the order of its loader and Dense model; None where they fail."""
    pytest.importorskip("lava")
    from lavarobust.compat import activate

    activate()
    from lava.lib.dl.netx.utils import optimize_weight_bits
    from lava.utils.weightutils import clip_weights, determine_sign_mode, truncate_weights

    whole = weight if recurrent is None else np.hstack((weight, recurrent))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            fitted, bits, exponent, _ = optimize_weight_bits(whole.astype(int))
        except (OverflowError, ValueError):
            return None
    parts = [fitted[:, : weight.shape[1]]] + ([] if recurrent is None else [fitted[:, weight.shape[1] :]])
    executed = []
    for part in parts:
        held = np.zeros(part.shape, dtype=np.int32)
        held[:] = part
        mode = determine_sign_mode(held)
        executed.append(truncate_weights(clip_weights(held, mode, num_bits=8), mode, bits))
    return Executed(executed, exponent)


def check_equal(layer: Dense) -> None:
    expected = lava(layer.weight, layer.recurrent_weight)
    if expected is None:
        with pytest.raises(ModelFileError, match="every weight is zero"):
            load_weight(layer)
        return
    loaded = load_weight(layer)
    assert loaded.weight.dtype == np.int32
    np.testing.assert_array_equal(loaded.weight, expected.weights[0])
    if layer.recurrent_weight is None:
        assert loaded.recurrent_weight is None
    else:
        np.testing.assert_array_equal(loaded.recurrent_weight, expected.weights[1])
    if expected.exponent > 0:  # the matrix was shifted out altogether; zero sums stay zero
        assert not any(weight.any() for weight in expected.weights)
        assert loaded.shift == 0
    else:
        assert loaded.shift == -expected.exponent


@settings(max_examples=200)
@given(SHAPES.flatmap(matrices))
def test_dense_weights_equal_lava_for_every_kind_of_matrix(weight: np.ndarray) -> None:
    check_equal(Dense(weight, READOUT))


@settings(max_examples=100)
@given(st.data())
def test_recurrent_weights_equal_lava(data: st.DataObject) -> None:
    outputs, inputs = data.draw(SHAPES)
    weight = data.draw(matrices((outputs, inputs)))
    recurrent = data.draw(matrices((outputs, outputs)))
    check_equal(Dense(weight, READOUT, recurrent_weight=recurrent))


def test_every_single_weight_equals_lava() -> None:
    for value in range(-300, 300):
        check_equal(Dense(np.array([[value]], dtype=np.int32), READOUT))


@pytest.mark.parametrize(
    ("weight", "executed", "shift"),
    [
        ([[2, -4]], [[2 << 6, -4 << 6]], 6),  # 127/2 -> 5 and 128/4 -> 5, plus one bit of sign
        ([[254, -254]], [[254, -254]], 0),
        ([[1, 0]], [[128, 0]], 7),
        ([[256, 3]], [[0, 0]], 0),  # excitatory beyond 255: shifted out
        ([[0, -255]], [[0, 0]], 0),  # the two functions disagree about the sign mode: a negative shift
        ([[300, -2]], [[254, -2]], 0),  # mixed beyond 254: clipped
    ],
)
def test_dense_weights_by_hand(weight: list[list[int]], executed: list[list[int]], shift: int) -> None:
    loaded = load_weight(Dense(np.array(weight, dtype=np.int32), READOUT))
    assert loaded.weight.tolist() == executed
    assert loaded.shift == shift


def test_even_symmetric_weights_are_kept_in_every_sign_mode() -> None:
    values = np.arange(-254, 255, 2, dtype=np.int32)
    for part in (
        values,
        values[values > 0],
        values[values >= 0],
        values[values < 0],
        values[-1:],
        values[:1],
    ):
        assert changed_by_loading(Dense(part[None, :], READOUT)) == 0


def test_all_zero_weights_name_the_layer_and_a_remedy() -> None:
    with pytest.raises(ModelFileError, match="net: layer/3: every weight is zero") as caught:
        load_weight(Dense(np.zeros((2, 3), dtype=np.int32), READOUT), "net: layer/3")
    assert "Remove the layer" in caught.value.remedy


def test_changed_weights_are_counted() -> None:
    assert changed_by_loading(Dense(np.array([[300, -2, 4]], dtype=np.int32), READOUT)) == 1
    recurrent = Dense(np.array([[2]], np.int32), READOUT, recurrent_weight=np.array([[-300]], np.int32))
    assert changed_by_loading(recurrent) == 1


def test_convolution_weights_are_taken_as_they_are() -> None:
    weight = np.array([-1000, 0, 3, 77], dtype=np.int32).reshape(1, 1, 2, 2)
    loaded = load_weight(Conv(weight, READOUT, shape=(1, 1, 1)))
    np.testing.assert_array_equal(loaded.weight, weight)
    assert loaded.shift == 0


def test_bias_wraps_to_int16_and_is_shifted() -> None:
    bias = np.array([-3, 0, 32767, 32768, 70000], dtype=np.int32)
    layer = Dense(np.ones((5, 1), dtype=np.int32), READOUT, bias=bias)
    assert effective_bias(layer).tolist() == [-192, 0, 32767 * 64, -32768 * 64, (70000 - 65536) * 64]
    assert effective_bias(layer).dtype == np.int32
    assert effective_bias(Dense(np.ones((2, 1), dtype=np.int32), READOUT)).tolist() == [0, 0]


def test_delays_expand_by_output_then_by_input_and_are_cut_at_62() -> None:
    weight = np.ones((2, 3), dtype=np.int32)
    by_output = Dense(weight, READOUT, delay=np.array([1, 70], dtype=np.int32))
    assert effective_delay(by_output).tolist() == [[1, 1, 1], [62, 62, 62]]
    by_input = Dense(weight, READOUT, delay=np.array([0, 62, 63], dtype=np.int32))
    assert effective_delay(by_input).tolist() == [[0, 62, 62], [0, 62, 62]]
    square = Dense(np.ones((2, 2), dtype=np.int32), READOUT, delay=np.array([3, 4], dtype=np.int32))
    assert effective_delay(square).tolist() == [[3, 3], [4, 4]]
    by_synapse = Dense(weight, READOUT, delay=np.arange(6, dtype=np.int32).reshape(2, 3))
    assert effective_delay(by_synapse).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert effective_delay(Dense(weight, READOUT)).tolist() == [[0, 0, 0], [0, 0, 0]]
