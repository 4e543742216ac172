"""Operations that an attack counts are those of the ledger, and it finds the most where that is known."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from extended_models import identity_block, skipping

from lavarobust.attacks.operations import OperationsAscent, OperationsVictim, attack_operations
from lavarobust.attacks.threat import ThreatModel
from lavarobust.dynamics import AdaptiveSharpness, Analog, PotentialDependent, RateMask
from lavarobust.encoding import encode
from lavarobust.energy import make_ledger
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution import backend
from lavarobust.netx import read_model
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model, Neuron
from lavarobust.resources import resource_folder
from netx_models import conv_model

RATE = Encoding("rate", seed=2)


def digits(name: str) -> Model:
    return read_model(resource_folder("netx_models") / f"digits-{name}.net")


def in_ledger(model: Model, deployment: Deployment, images, indices, draw=0) -> np.ndarray:
    """``(N,)`` operations of an execution by the simulator."""
    stimulus = encode(deployment.encoding, images, deployment.steps, indices, draw)
    ledger = make_ledger(backend("simulator").run(model, stimulus, deployment.readout), model)
    return ledger.total("accumulates") + ledger.total("multiply_accumulates")


@pytest.mark.parametrize(
    "model",
    [skipping(conv_model(False)), identity_block(), *map(digits, ("plain", "stog", "sea", "hire-stock"))],
)
def test_operations_are_those_of_the_ledger(model):
    deployment = model.deployment or Deployment(5, RATE, "spike_count", model.input_shape)
    images = np.random.default_rng(0).random((6, *model.input_shape)).astype(np.float32)
    indices = np.array([3, 8, 1, 90, 4, 5])
    operations = OperationsVictim(model, deployment).operations(images, indices, draw=1)
    assert operations.min() > 0
    assert (operations == in_ledger(model, deployment, images, indices, draw=1)).all()


def victim_of(*layers: Dense, encoding: Encoding, steps: int = 1) -> OperationsVictim:
    shape = (1, 1, layers[0].weight.shape[1])
    model = Model((Input(shape), Flatten(), *layers), shape)
    return OperationsVictim(model, Deployment(steps, encoding, "membrane", shape))


def pixels(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32).reshape(1, 1, 1, -1)


def test_one_layer_s_optimum_is_every_pixel_that_can_be_sent():
    weight = np.array([[2, 0, 4, 2], [2, 2, 0, 2], [2, 0, 2, 2]], dtype=np.int32)
    victim = victim_of(Dense(weight, READOUT), encoding=Encoding("direct", 4))
    # pixels are worth 3, 1, 2 and 3 operations once they round to another integer than 0: from 1/8 on
    image = pixels(0, 0.5, 0.06, 0)
    assert victim.operations(image, np.arange(1)).tolist() == [1]
    small = attack_operations(OperationsAscent(5), victim, image, np.arange(1), 0.1)
    assert (small.clean.tolist(), small.operations.tolist()) == ([1], [3])
    large = attack_operations(OperationsAscent(5), victim, image, np.arange(1), 0.2)
    assert large.operations.tolist() == [9] and large.growth == 9


def test_the_slope_by_hand():
    hidden = Dense(np.array([[8, -2]], dtype=np.int32), Neuron(4096, 4096, 10))
    last = Dense(np.array([[2], [2], [0]], dtype=np.int32), READOUT)
    victim = victim_of(hidden, last, encoding=Encoding("direct", 2))
    operations, gradient = victim.operations_and_gradient(pixels(0.5, 0), np.arange(1))
    # one event into one neuron, which stays silent
    assert operations.tolist() == [1]
    behind = victim.operations_and_gradient(pixels(0.5, 0.5), np.arange(1))[1].ravel()
    # a pixel's unit is 2 of the integer, its event one operation; 8 and -2 times a spike's slope lead to two
    first, second = gradient.ravel()
    assert first - 2 == pytest.approx(-4 * (second - 2)) and first > 2 > second
    assert behind[0] - 2 == pytest.approx(-4 * (behind[1] - 2))
    # an integer beyond 1 has its event already, and only what it drives counts
    assert victim.operations_and_gradient(pixels(0.5, 1), np.arange(1))[1].ravel()[1] < 0


def test_two_layers_are_driven_as_far_as_any_image_of_the_box_can():
    generator = np.random.default_rng(0)
    # without inhibition there is one hill to climb
    hidden = Dense((2 * generator.integers(1, 12, (8, 3))).astype(np.int32), Neuron(4096, 4096, 60))
    last = Dense(np.full((4, 8), 2, dtype=np.int32), READOUT)
    victim = victim_of(hidden, last, encoding=Encoding("direct", 4))
    sent = generator.integers(0, 5, (30, 3))
    found = attack_operations(
        OperationsAscent(20), victim, np.concatenate([pixels(*row / 4) for row in sent]), np.arange(30), 0.25
    )
    for row, operations in zip(sent, found.operations, strict=True):
        near = product(*(range(max(0, value - 1), min(4, value + 1) + 1) for value in row))
        every = np.concatenate([pixels(*np.array(values) / 4) for values in near])
        assert operations == victim.operations(every, np.arange(len(every))).max()
    assert (found.operations > found.clean).sum() > 10


def test_a_deployed_model_s_operations_rise_and_are_executed_so():
    model = digits("plain")
    generator = np.random.default_rng(1)
    # strokes on black, as digits are
    images = (generator.random((20, 1, 8, 8)) * (generator.random((20, 1, 8, 8)) < 0.4)).astype(np.float32)
    indices = np.arange(20)
    found = attack_operations(OperationsAscent(10), OperationsVictim(model), images, indices, 0.1)
    ThreatModel(0.1).check(images, found.images)
    assert (found.operations >= found.clean).all() and found.growth > 1.1
    assert (in_ledger(model, model.deployment, images, indices) == found.clean).all()
    assert (in_ledger(model, model.deployment, found.images, indices) == found.operations).all()
    noise = np.clip(images + 0.1 * generator.choice([-1, 1], images.shape), 0, 1).astype(np.float32)
    assert found.operations.sum() > in_ledger(model, model.deployment, noise, indices).sum()
    assert found.gradients == 200 and found.queries.backward == 200 and found.queries.forward == 240


def test_an_image_is_the_same_bytes_in_any_company(deployed, pictures):
    case, (images, indices) = deployed(RATE, "membrane"), pictures
    victim = OperationsVictim(case.model, case.deployment, chunk=16)

    def attacked(chosen: np.ndarray) -> np.ndarray:
        settings = OperationsAscent(4)
        return attack_operations(settings, victim, images[chosen], indices[chosen], 0.1, draw=2).images

    whole = attacked(np.arange(60))
    chosen = np.random.default_rng(3).permutation(60)[:17]
    assert attacked(chosen).tobytes() == whole[chosen].tobytes()
    assert (whole != images[:60]).any()


@pytest.mark.parametrize("rule", [PotentialDependent(), RateMask(), AdaptiveSharpness()], ids=repr)
def test_any_rule_counts_the_same_and_finds_more(rule, deployed, pictures):
    case, (images, indices) = deployed(Encoding("direct", 16), "membrane"), pictures
    images, indices = images[:16] / 2, indices[:16]
    victim = OperationsVictim(case.model, case.deployment, rule, chunk=16)
    usual = OperationsVictim(case.model, case.deployment, chunk=16)
    found = attack_operations(OperationsAscent(5), victim, images, indices, 0.1)
    assert found.clean.tolist() == usual.operations(images, indices).tolist()
    assert found.operations.tolist() == usual.operations(found.images, indices).tolist()
    assert (found.operations > found.clean).mean() > 0.9
    again = attack_operations(OperationsAscent(5), victim, images[3:9], indices[3:9], 0.1)
    assert again.images.tobytes() == found.images[3:9].tobytes()


def test_where_nothing_rises_the_image_stays():
    victim = victim_of(Dense(np.full((2, 2), 2, dtype=np.int32), READOUT), encoding=Encoding("direct", 4))
    image = np.concatenate([pixels(0.5, 0.5), pixels(0, 0)])
    found = attack_operations(OperationsAscent(2), victim, image, np.arange(2), 0.1)
    # both integers are 2, whose events are there; of black, 0.1 rounds to no integer but 0
    assert found.operations.tolist() == found.clean.tolist() == [4, 0]
    assert (found.zero_gradients, found.gradients) == (2, 4)
    assert (found.images == image).all() and found.growth == 1
    black = attack_operations(OperationsAscent(2), victim, image[1:], np.arange(1), 0.1)
    assert black.growth == 1


def test_impossible_requests_are_refused(deployed, pictures):
    with pytest.raises(SettingsError, match=r"OperationsAscent with steps=0 does nothing"):
        OperationsAscent(0)
    for step_size in (0.0, float("inf"), float("nan")):
        with pytest.raises(SettingsError, match=r"step size .* is impossible"):
            OperationsAscent(step_size=step_size)
    case, (images, indices) = deployed(RATE, "membrane"), pictures
    victim = OperationsVictim(case.model, case.deployment)
    with pytest.raises(SettingsError, match="twin of a model sends no spikes"):
        OperationsVictim(case.model, case.deployment, Analog())
    with pytest.raises(SettingsError, match=r"epsilon 8 is impossible"):
        attack_operations(OperationsAscent(), victim, images, indices, 8)
    with pytest.raises(DataError, match="pixels in"):
        attack_operations(OperationsAscent(), victim, 2 * images, indices, 0.1)
