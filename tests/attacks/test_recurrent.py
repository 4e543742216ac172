"""A recurrent model under a suite and its diagnosis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lavarobust.attacks import IntegerVictim, ThreatModel
from lavarobust.attacks.campaign import Target, run_suite
from lavarobust.attacks.probes import Probes
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import adaptive, fitted
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import Dense, Flatten, Input, Model, Neuron


def _model() -> Model:
    draw = np.random.default_rng(0)

    def weight(*shape: int) -> np.ndarray:
        return (2 * draw.integers(-60, 61, shape)).astype(np.int32)

    neuron = Neuron(current_decay=4096, voltage_decay=128, threshold=80)
    layers = (
        Input(shape=(1, 4, 4)),
        Flatten(),
        Dense(weight(12, 16), neuron, recurrent_weight=weight(12, 12)),
        Dense(weight(4, 12), neuron),
    )
    return Model(layers, input_shape=(1, 4, 4))


def test_most_fall_and_it_is_diagnosed_through_surrogates_alone():
    target = Target(_model(), Deployment(6, Encoding("direct", 16), "spike_count", (1, 4, 4)))
    images = np.random.default_rng(1).random((12, 1, 4, 4), dtype=np.float32)
    indices = np.arange(12)
    # what it says itself is right
    labels = IntegerVictim(target.model, target.deployment).logits(images, indices).argmax(axis=1)
    samples, threat = Samples(images, labels, indices), ThreatModel(0.5)
    assert target.recurrent
    suite, _ = fitted(adaptive(), "linf", 4, target.recurrent)
    end = run_suite(target, replace(suite, members=suite.members[:5]), samples, threat)
    assert end.robust.mean() < 0.5
    probes = Probes(target, suite, samples, threat, end.robust)
    assert [check.name for check in probes.surrogates()] == ["PGD-20 through 5 gradients is not stronger"]
    assert probes.transfer() == []
