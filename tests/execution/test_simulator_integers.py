"""The compiled loops of a layer, held equal to the reference over random full-range layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.execution.simulator.chunk import bytes_per_sample
from lavarobust.execution.simulator.integers import events, run_layer, spikes
from lavarobust.execution.simulator.order import pack, positions, unpack, values
from lavarobust.execution.simulator.prepared import prepare
from lavarobust.execution.simulator.reference import run_reference
from lavarobust.execution.simulator.stages import compile_model
from lavarobust.netx.model import Conv, Dense, Model, Neuron

SAMPLES, STEPS = 3, 12


def random_neuron(rng, shape, reach: int) -> Neuron:
    decays = [4096, 0, int(rng.integers(1, 4096)), rng.integers(0, 4097, shape[0]).astype(np.int32)]
    current, voltage = (decays[int(rng.integers(4))] for _ in range(2))
    threshold, reset = int(np.clip(rng.integers(1, reach + 2), 1, 131_072)), rng.choice(["hard", "soft"])
    return Neuron(current, voltage, threshold, reset=str(reset))


def random_weight(rng, shape) -> np.ndarray:
    weight = rng.integers(-128, 128, shape) * int(rng.choice([1, 2]))
    weight[rng.random(shape) < rng.choice([0.0, 0.6])] = 0
    if rng.random() < 0.3:
        weight = np.abs(weight)
    weight.flat[:2] = [-254, 254]
    return weight.astype(np.int32)


def random_layer(rng, kind: str) -> tuple[Model, int]:
    """A model of one layer, and the magnitude that a sum of spikes reaches."""
    if kind == "conv":
        groups = int(rng.choice([1, 2]))
        shape = (2 * int(rng.integers(1, 4)), int(rng.integers(4, 12)), int(rng.integers(4, 12)))
        kernel = tuple(int(k) for k in rng.integers(1, 4, 2))
        stride, padding, dilation = (
            tuple(int(x) for x in rng.integers(low, high, 2)) for low, high in ((1, 4), (0, 3), (1, 3))
        )
        outputs = groups * int(rng.integers(1, 20))
        size = [
            (side + 2 * p - d * (k - 1) - 1) // s + 1
            for side, p, d, k, s in zip(shape[1:], padding, dilation, kernel, stride, strict=True)
        ]
        weight = random_weight(rng, (outputs, shape[0] // groups, *kernel))
        out = (outputs, max(size[0], 0), max(size[1], 0))
        if min(out) < 1:
            return random_layer(rng, kind)
        extra = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    else:
        shape, outputs = (int(rng.choice([3, 70, 1500])),), int(rng.integers(1, 80))
        weight, out, extra = (
            random_weight(rng, (outputs, *shape)) if shape[0] * outputs > 1 else None,
            None,
            {},
        )
        if weight is None:
            return random_layer(rng, kind)
        if kind == "recurrent":
            extra = {"recurrent_weight": random_weight(rng, (outputs, outputs)) if outputs > 1 else None}
    reach = int(np.abs(weight).reshape(outputs, -1).sum(axis=1).max())
    bias = rng.integers(-reach, reach + 1, outputs).astype(np.int32) if rng.random() < 0.5 else None
    neuron = random_neuron(rng, (outputs,), reach)
    layer = (
        Conv(weight, neuron, out, bias=bias, **extra)
        if kind == "conv"
        else Dense(weight, neuron, bias=bias, **extra)
    )
    return Model((layer,), shape), reach


def random_inputs(rng, shape, graded: bool) -> np.ndarray:
    """``(N, *shape, F)``, from silence to all inputs at once, in fewer steps than the window or as many."""
    frames = int(rng.integers(1, STEPS + 1))
    size = (SAMPLES, *shape, frames)
    active = rng.random(size) < rng.choice([0.0, 0.05, 0.5, 0.95, 1.0], frames)
    if not graded:
        return active.astype(np.int32)
    peak = int(rng.choice([1, 255, 40_000]))
    return (active * rng.integers(-peak, peak + 1, size)).astype(np.int32)


@pytest.mark.parametrize("kind", ["dense", "conv", "recurrent"])
@pytest.mark.parametrize("graded", [False, True])
def test_random_layers_equal_the_reference(kind, graded) -> None:
    fast = wraps = clips = cut = fired = 0
    for seed in range(40):
        rng = np.random.default_rng([seed, graded])
        model, _ = random_layer(rng, kind)
        frames = random_inputs(rng, model.input_shape, graded)
        [layer] = prepare(compile_model(model), model.input_shape)
        peak = int(np.abs(frames).max()) if graded else None
        plan = layer.plan(peak, frames.shape[-1], STEPS)
        if plan is None:
            continue
        order = positions(model.input_shape)
        arrivals = events(values(frames, order)) if graded else spikes(pack(frames, order))
        got = run_layer(layer, plan, arrivals, potential=True)
        expected = run_reference(layer.stage, frames, STEPS, 1 << 30)
        for name in ("words", "potential", "counts", "cuts"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name), f"{seed}: {name}")
        fast += 1
        cut, wraps, clips = (
            total + int(part.any()) for total, part in zip((cut, wraps, clips), got.cuts, strict=True)
        )
        fired += bool(got.words.any())
    assert fast >= 20 and fired >= 10
    # a convolution of spikes alone stays far below 24 bits
    assert (wraps and clips) or (kind == "conv" and not graded)
    assert cut or not (graded and kind == "conv")


def test_words_hold_a_population_in_rows_columns_channels() -> None:
    frames = np.zeros((1, 3, 2, 30, 2), dtype=np.int32)
    frames[0, 2, 1, 29, 1] = 1  # the last neuron, at ((1 * 30) + 29) * 3 + 2 = 179
    frames[0, 1, 0, 0, 0] = 1
    words = pack(frames, positions((3, 2, 30)))
    assert words.shape == (1, 2, 3)
    assert words[0, 1].tolist() == [0, 0, 1 << (179 - 128)]
    assert words[0, 0].tolist() == [2, 0, 0]
    np.testing.assert_array_equal(unpack(words, (3, 2, 30)), frames)


def test_no_result_depends_on_threads() -> None:
    rng = np.random.default_rng(5)
    model, _ = random_layer(rng, "conv")
    frames = random_inputs(rng, model.input_shape, graded=False)
    [layer] = prepare(compile_model(model), model.input_shape)
    plan = layer.plan(None, frames.shape[-1], STEPS)
    arrivals = spikes(pack(frames, positions(model.input_shape)))
    threads = torch.get_num_threads()
    try:
        results = []
        for number in (1, 3):
            torch.set_num_threads(number)
            results.append(run_layer(layer, plan, arrivals, potential=True))
    finally:
        torch.set_num_threads(threads)
    for name in ("words", "potential", "counts", "cuts"):
        np.testing.assert_array_equal(getattr(results[0], name), getattr(results[1], name))


def test_memory_is_counted_per_sample() -> None:
    model = Model((Dense(np.eye(70, dtype=np.int32) * 2, Neuron(4096, 0, 9)),), (70,))
    layers = prepare(compile_model(model), model.input_shape)
    # 70 inputs of 4 bytes in 5 frames; twice 2 words of 8 bytes and 8 counts of 4 in 5 steps
    assert bytes_per_sample(layers, 5, 5) == 70 * 4 * 5 + 2 * 2 * 8 * 5 + 8 * 4 * 5
