"""A failing trial made smaller while it goes on failing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.parity.trial import Trial
from lavarobust.netx.model import Conv, Dense, Flatten, Gate, Input, Layer, Model, Neuron

Differs = Callable[[Trial], bool]


def shrink(trial: Trial, differs: Differs, attempts: int = 150) -> Trial:
    """The smallest trial found that still differs: fewer samples, steps, layers, outputs, plainer parameters.

    Greedy: every change that keeps the difference is kept, and all are tried again until none does.

    Args:
        trial: one that differs.
        differs: asked about each smaller one; one that is no network any more does not differ.
        attempts: after so many the smallest so far is returned.
    """
    left = attempts
    while True:
        for smaller in _smaller(trial):
            if left == 0:
                return trial
            left -= 1
            if differs(smaller):
                trial = smaller
                break
        else:
            return trial


def _smaller(trial: Trial) -> Iterator[Trial]:
    """Smaller trials, those that promise most first."""
    yield from _fewer_samples(trial)
    yield from _fewer_layers(trial)
    yield from _fewer_steps(trial)
    yield from _fewer_outputs(trial)
    yield from _plainer_parameters(trial)
    yield from _fewer_weights(trial)
    yield from _fewer_events(trial)


def _with_frames(trial: Trial, frames: np.ndarray, **changes: Any) -> Trial:
    return replace(trial, stimulus=replace(trial.stimulus, frames=frames, **changes))


def _with_layers(trial: Trial, layers: tuple[Layer, ...]) -> Trial:
    return replace(trial, model=Model(layers, trial.model.input_shape, name=trial.model.name))


def _with_layer(trial: Trial, index: int, layer: Layer) -> Trial:
    layers = trial.model.layers
    return _with_layers(trial, (*layers[:index], layer, *layers[index + 1 :]))


def _fewer_samples(trial: Trial) -> Iterator[Trial]:
    samples = np.arange(trial.stimulus.samples)
    if len(samples) > 1:
        for sample in samples:
            yield replace(trial, stimulus=trial.stimulus.taken(samples[[sample]]))
        for sample in samples:  # a difference may need a sample before it
            yield replace(trial, stimulus=trial.stimulus.taken(np.delete(samples, sample)))


def _fewer_layers(trial: Trial) -> Iterator[Trial]:
    indices = [index for index, _ in trial.model.populations]
    for index in indices[:-1]:
        yield _with_layers(replace(trial, readout="spike_count"), trial.model.layers[: index + 1])


def _fewer_steps(trial: Trial) -> Iterator[Trial]:
    frames, steps = trial.stimulus.frames, trial.stimulus.steps
    for fewer in sorted({1, 2, steps // 2, steps - 1}):
        if 0 < fewer < steps:
            yield _with_frames(trial, frames[..., :fewer], steps=fewer)
    sent = frames.shape[-1]
    for fewer in sorted({1, sent // 2, sent - 1}):
        if 0 < fewer < sent:
            yield _with_frames(trial, frames[..., :fewer])


def _fewer_outputs(trial: Trial) -> Iterator[Trial]:
    """Halves and single ones of a layer's outputs away, with what the next layer made of them."""
    for index, layer in enumerate(trial.model.layers):
        if isinstance(layer, (Dense, Conv)):
            for gone in _parts(layer.weight.shape[0]):
                smaller = _without_outputs(trial.model, index, layer, gone)
                if smaller is not None:
                    yield _with_layers(trial, smaller)


def _parts(size: int) -> Iterator[np.ndarray]:
    """Halves, quarters ... down to single ones, at most 16 of each; never all."""
    width = size // 2
    while width > 0:
        for start in range(0, size - width + 1, width)[:16]:
            yield np.arange(start, start + width)
        width //= 2


def _without_outputs(
    model: Model, index: int, layer: Dense | Conv, gone: np.ndarray
) -> tuple[Layer, ...] | None:
    joined = any(isinstance(other, (Dense, Conv)) and other.shortcuts for other in model.layers)
    if joined or (isinstance(layer, Conv) and layer.groups > 1):
        return None
    outputs = layer.weight.shape[0]
    changes = {
        "weight": np.delete(layer.weight, gone, axis=0),
        "bias": None if layer.bias is None else np.delete(layer.bias, gone),
        "neuron": _without_neurons(layer.neuron, gone),
        "gate": None if layer.gate is None else _without_gates(layer.gate, outputs, gone),
    }
    smaller: Layer
    if isinstance(layer, Conv):
        smaller = replace(layer, **changes, shape=(outputs - len(gone), *layer.shape[1:]))
    else:
        recurrent, delay = layer.recurrent_weight, layer.delay
        if recurrent is not None:
            recurrent = np.delete(np.delete(recurrent, gone, axis=0), gone, axis=1)
        if delay is not None and len(delay) == outputs:
            delay = np.delete(delay, gone, axis=0)
        smaller = replace(layer, **changes, recurrent_weight=recurrent, delay=delay)
    layers = [*model.layers[:index], smaller, *model.layers[index + 1 :]]
    for place in range(index + 1, len(layers)):
        following = layers[place]
        if isinstance(following, Flatten):
            continue
        each = following.weight.shape[1] // outputs if isinstance(following, Dense) else 1
        columns = (gone[:, None] * each + np.arange(each)).ravel()
        if isinstance(following, Input) or (isinstance(following, Conv) and following.groups > 1):
            return None
        layers[place] = replace(following, weight=np.delete(following.weight, columns, axis=1))
        if isinstance(following, Dense) and following.delay is not None:
            return None
        break
    return tuple(layers)


def _without_gates(gate: Gate, outputs: int, gone: np.ndarray) -> Gate:
    return replace(gate, opening=np.delete(gate.opening.reshape(outputs, -1), gone, axis=0).ravel())


def _without_neurons(neuron: Any, gone: np.ndarray) -> Any:
    if not isinstance(neuron, Neuron):
        return neuron
    decays = {
        name: np.delete(value, gone)
        for name in ("current_decay", "voltage_decay")
        if isinstance(value := getattr(neuron, name), np.ndarray) and value.ndim
    }
    return replace(neuron, **decays)


def _plainer_parameters(trial: Trial) -> Iterator[Trial]:
    for index, layer in enumerate(trial.model.layers):
        if isinstance(layer, Flatten):
            continue
        for name in ("bias", "delay", "recurrent_weight", "gate"):
            if getattr(layer, name, None) is not None and not isinstance(layer, Input):
                yield _with_layer(trial, index, replace(layer, **{name: None}))
        for number in range(len(getattr(layer, "shortcuts", ()))):
            kept = layer.shortcuts[:number] + layer.shortcuts[number + 1 :]
            yield _with_layer(trial, index, replace(layer, shortcuts=kept))
        if isinstance(layer.neuron, Neuron):
            for name, plain in (("current_decay", 4096), ("voltage_decay", 0)):
                value = getattr(layer.neuron, name)
                if isinstance(value, np.ndarray) or value != plain:
                    yield _with_layer(
                        trial, index, replace(layer, neuron=replace(layer.neuron, **{name: plain}))
                    )
    for option in ("fast_convolution", "sparse_fc_layer"):
        if getattr(trial, option):
            yield replace(trial, **{option: False})


def _fewer_weights(trial: Trial) -> Iterator[Trial]:
    for index, layer in enumerate(trial.model.layers):
        for name in ("weight", "recurrent_weight", "bias"):
            value = getattr(layer, name, None)
            if isinstance(value, np.ndarray):
                for zeroed in _with_zeros(value):
                    if zeroed.any():  # the stock loader fails on zeros alone
                        yield _with_layer(trial, index, replace(layer, **{name: zeroed}))


def _fewer_events(trial: Trial) -> Iterator[Trial]:
    for zeroed in _with_zeros(trial.stimulus.frames):
        yield _with_frames(trial, zeroed)


def _with_zeros(values: np.ndarray) -> Iterator[np.ndarray]:
    """Copies with halves, quarters, eighths ... of the non-zero values set to zero."""
    places = np.flatnonzero(values)
    for part in _parts(len(places)):
        zeroed = values.copy()
        zeroed.flat[places[part]] = 0
        yield zeroed


def size(trial: Trial) -> str:
    """What is left, to print."""
    weights = sum(np.count_nonzero(getattr(layer, "weight", 0)) for _, layer in trial.model.populations)
    frames = trial.stimulus.frames
    return (
        f"{len(trial.model.populations)} layers, {weights} non-zero weights, {len(frames)} samples of "
        f"{trial.stimulus.steps} steps, {np.count_nonzero(frames)} input events"
    )
