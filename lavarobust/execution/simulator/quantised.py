"""The quantised ANN that says as much as a spiking model: as many levels as its windows have spike counts.

A window of T steps tells T + 1 spike counts apart, so the fair ANN has activations of ``ceil(log2(T + 1))``
bits (Yan, Bai, Tang & Wong, arXiv 2409.08290). Its activations are those of the analog twin
(:mod:`.twin`), rounded down to whole spikes as a neuron that keeps its rest does, at most one in a step. It
is executed on the same input, so that what it skips for being zero is counted and not assumed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from lavarobust.execution.simulator.stages import Stage, compile_model
from lavarobust.execution.simulator.twin import TwinLayer, twin_layers, twin_scores
from lavarobust.netx.deployment import ReadoutKind
from lavarobust.netx.model import Input, Model
from lavarobust.record import QuantisedLayer, QuantisedRun, Stimulus


def bits_of(steps: int) -> int:
    """Bits of an activation with as many levels as T steps have spike counts: ``ceil(log2(T + 1))``."""
    return steps.bit_length()


@torch.no_grad()
def run_quantised(model: Model, stimuli: Iterable[Stimulus], readout: ReadoutKind) -> QuantisedRun:
    """Run the quantised ANN of a model on the images of its stimuli.

    It sees the mean of an image's frames; gates take their probability. Values that a population sends in
    place of spikes are left as they are.

    Args:
        model: with spiking neurons and without recurrence.
        stimuli: some images each, at least one and as many as memory holds in float64; of the same steps.

    Raises:
        BackendError: sigma-delta neurons or a recurrent layer, which have no such twin.
    """
    stages = compile_model(model)
    steps, parts = 1, []
    for stimulus in stimuli:
        steps = stimulus.steps
        parts.append(_run(stages, stimulus.frames, steps, readout))
    prediction = np.concatenate([scores for scores, _ in parts]).argmax(axis=1).astype(np.int64)
    layers = zip(*(layers for _, layers in parts), strict=True)
    return QuantisedRun(bits_of(steps), prediction, tuple(map(_joined, layers)))


def _run(
    stages: tuple[Stage, ...], frames: np.ndarray, steps: int, readout: ReadoutKind
) -> tuple[np.ndarray, list[QuantisedLayer]]:
    def held(stage: Stage, activation: torch.Tensor) -> torch.Tensor:
        if stage.sum_shift is not None:
            return activation
        # a hair above, so that a rate of whole spikes does not fall below them for being a binary fraction
        return (activation * steps + 1e-9).floor().clamp(0, steps) / steps

    sent = torch.from_numpy(np.ascontiguousarray(np.moveaxis(frames, -1, 0), dtype=np.float64))
    layers = list(twin_layers(stages, sent, steps, held))
    scores = twin_scores(layers[-1], steps, readout).flatten(1).numpy()
    return scores, [_counted(layer) for layer in layers]


def _counted(layer: TwinLayer) -> QuantisedLayer:
    events = np.zeros(len(layer.drive), dtype=np.int64)
    operations = np.zeros((len(layer.drive), 2), dtype=np.int64)
    joining = (path.stage for path in layer.stage.joining)
    paths = zip((layer.stage, *joining), (layer.arriving, *layer.beside), strict=True)
    for stage, arriving in paths:
        if isinstance(stage.layer, Input):
            continue
        assert stage.fan_out is not None
        arrived = (arriving.flatten(1) != 0).double()
        events += arrived.sum(1).long().numpy()
        operations += (arrived @ stage.fan_out).round().long().numpy()
    sent = (layer.sent.flatten(1) != 0).sum(1).numpy()
    return QuantisedLayer(layer.stage.name, events, operations[:, 0], operations[:, 1], sent)


def _joined(parts: tuple[QuantisedLayer, ...]) -> QuantisedLayer:
    names = ("events", "operations", "operations_dense", "sent")
    return QuantisedLayer(
        parts[0].name, *(np.concatenate([getattr(part, name) for part in parts]) for name in names)
    )
