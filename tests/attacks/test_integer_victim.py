from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lavarobust.attacks import (
    PGD,
    IntegerVictim,
    NetworkVictim,
    Noise,
    Square,
    ThreatModel,
    attack,
    pgd,
    square,
)
from lavarobust.dynamics import (
    AdaptiveSharpness,
    Analog,
    Averaged,
    PotentialDependent,
    RateGradient,
    RateMask,
    Surrogate,
    straight_through,
)
from lavarobust.encoding import encode
from lavarobust.errors import DataError, SettingsError
from lavarobust.execution import backend
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import READOUT, Dense, Flatten, Input, Model, Neuron
from lavarobust.snn.gate import GateOptions

ENCODINGS = [
    Encoding("direct", 16),
    Encoding("repeat", 16),
    Encoding("direct", 64, (0.4,), (0.3,)),
    Encoding("rate", seed=3),
]


def _image(*pixels: float) -> np.ndarray:
    return np.array(pixels, dtype=np.float32).reshape(1, 1, 1, 2)


def test_logits_and_gradients_by_hand(readout_model):
    # 4 levels: 0.6 is sent as 2 and 0.2 as 1; a unit of drive is 64 of potential, a weight is 2
    victim = IntegerVictim(readout_model)
    logits, gradient = victim.logits_and_gradient(
        _image(0.6, 0.2), np.array([0]), np.array([0]), loss="margin"
    )
    scale = 3 * 64 * 2 * 4
    np.testing.assert_allclose(logits[0] * scale, [256, 128 - 1 / 6, -2 / 6], rtol=1e-12)
    np.testing.assert_array_equal(gradient.ravel(), [-2 * 64 * 4, 2 * 64 * 4])


@pytest.mark.parametrize(
    ("pixels", "winner"), [((0.5, 0.5), 0), ((0.0, 0.0), 0), ((0.24, 0.26), 0), ((0.2, 0.4), 1)]
)
def test_a_tie_is_won_as_in_the_record(readout_model, pixels, winner):
    image = _image(*pixels)
    stimulus = encode(readout_model.deployment.encoding, image, 3, np.array([0]))
    record = backend("simulator").run(readout_model, stimulus, "membrane")
    logits = IntegerVictim(readout_model).logits(image, np.array([0]))
    assert logits.argmax(1)[0] == record.prediction[0] == winner
    assert len(set(logits[0])) == 3


@pytest.mark.parametrize("gate", [None, GateOptions(seed=4, initial=0.95)])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("readout", ["membrane", "spike_count"])
def test_logits_order_the_classes_as_the_executed_integers(deployed, pictures, encoding, readout, gate):
    case, (images, indices) = deployed(encoding, readout, gate), pictures
    stimulus = encode(encoding, images, 4, indices, draw=2)
    record = backend("simulator").run(case.model, stimulus, readout)
    victim = IntegerVictim(case.model, case.deployment)
    logits = victim.logits(images, indices, draw=2)
    differentiable, _ = victim.logits_and_gradient(images, np.arange(150) % 10, indices, draw=2)
    assert logits.tobytes() == differentiable.tobytes()
    np.testing.assert_array_equal(logits.argmax(1), record.prediction)
    scale = record.scores.std() / logits.std()
    np.testing.assert_array_equal(np.rint(logits * np.rint(scale) + np.arange(10) / 20), record.scores)
    assert record.tied.any() or readout == "membrane"
    assert 0.05 < logits.std() < 20
    assert victim.stochastic == NetworkVictim(case.network).stochastic
    assert victim.stochastic == (encoding.kind == "rate" or gate is not None)
    assert (victim.logits(images, indices, draw=3) != logits).any() == victim.stochastic


@pytest.mark.parametrize("gate", [None, GateOptions(seed=4, initial=0.95)])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("readout", ["membrane", "spike_count"])
def test_gradient_of_the_file_is_the_gradient_of_the_network(deployed, pictures, encoding, readout, gate):
    case, (images, indices) = deployed(encoding, readout, gate), pictures
    labels = IntegerVictim(case.model, case.deployment).logits(images, indices).argmax(1)
    # where classes tie, the network's float logits may name another rival
    clear = np.sort(NetworkVictim(case.network).logits(images, indices), 1)
    clear = (clear[:, -1] > clear[:, -2]) & (clear[:, -2] > clear[:, -3])
    assert clear.sum() > 20
    gradients = [
        victim.loss_gradient(images[clear], labels[clear], indices[clear], "margin").reshape(clear.sum(), -1)
        for victim in (IntegerVictim(case.model, case.deployment), NetworkVictim(case.network))
    ]
    ours, theirs = (each / np.abs(each).max(1, keepdims=True) for each in gradients)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("gate", [None, GateOptions(seed=4, initial=0.95)])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_answers_are_the_same_bytes_in_any_batch(deployed, pictures, encoding, gate):
    case, (images, indices) = deployed(encoding, "membrane", gate), pictures
    labels = np.arange(150) % 10
    victim = IntegerVictim(case.model, case.deployment, chunk=16)
    logits, gradient = victim.logits_and_gradient(images, labels, indices)
    order = np.random.default_rng(6).permutation(150)
    for chosen in (order, order[:37], order[:1], np.arange(20, 90)):
        some = victim.logits_and_gradient(images[chosen], labels[chosen], indices[chosen])
        assert some[0].tobytes() == logits[chosen].tobytes()
        assert some[1].tobytes() == gradient[chosen].tobytes()
        assert victim.logits(images[chosen], indices[chosen]).tobytes() == logits[chosen].tobytes()


def test_a_bright_neighbour_does_not_change_the_type_of_the_gradient():
    # bright images drive sums beyond 2**24, where the simulator needs float64, and dark ones do not
    generator = np.random.default_rng(2)
    hidden = Dense(generator.integers(-127, 128, (20, 16)).astype(np.int32) * 2, Neuron(4096, 0, 100_000))
    last = Dense(generator.integers(-127, 128, (5, 20)).astype(np.int32) * 2, READOUT)
    deployment = Deployment(2, Encoding("direct", 1 << 14), "membrane", (1, 4, 4))
    victim = IntegerVictim(Model((Input((1, 4, 4)), Flatten(), hidden, last), (1, 4, 4), deployment))
    images = generator.random((8, 1, 4, 4), dtype=np.float32) * 0.2
    images[-1] = 1
    labels, indices = np.arange(8) % 5, np.arange(8)
    together = victim.loss_gradient(images, labels, indices)
    dark = victim.loss_gradient(images[:-1], labels[:-1], indices[:-1])
    assert dark.any(axis=(1, 2, 3)).all()
    assert together[:-1].tobytes() == dark.tobytes()


def test_attack_raises_the_loss_beyond_what_noise_does(deployed, pictures):
    case, (images, indices) = deployed(ENCODINGS[0], "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment)
    labels, threat = victim.logits(images, indices).argmax(1), ThreatModel(0.05)
    found = pgd(victim, images, labels, indices, threat, PGD(10))
    noise = attack(Noise(draws=10), victim, images, labels, indices, threat)
    assert found.fooled.mean() > 0.3 > noise.fooled.mean()
    assert found.zero_gradient_share == 0


def test_the_attackers_surrogate_changes_gradients_and_nothing_else(deployed, pictures):
    case, (images, indices) = deployed(ENCODINGS[0], "membrane"), pictures
    labels = np.zeros(150, dtype=np.int64)
    one, other = (
        IntegerVictim(case.model, case.deployment, surrogate).logits_and_gradient(images, labels, indices)
        for surrogate in (Surrogate(), Surrogate("gaussian", 0.5))
    )
    assert one[0].tobytes() == other[0].tobytes()
    assert (np.sign(one[1]) != np.sign(other[1])).any()


RULES = [straight_through(), RateMask(), RateGradient(), Averaged(), PotentialDependent(), Analog()]


@pytest.mark.parametrize("rule", [*RULES, AdaptiveSharpness()])
@pytest.mark.parametrize("readout", ["membrane", "spike_count"])
def test_a_gradient_rule_changes_no_logits(deployed, pictures, rule, readout):
    case, (images, indices) = deployed(ENCODINGS[3], readout, GateOptions(seed=4, initial=0.95)), pictures
    labels, plain = np.arange(150) % 10, IntegerVictim(case.model, case.deployment)
    logits, gradient = IntegerVictim(case.model, case.deployment, rule).logits_and_gradient(
        images, labels, indices, draw=2
    )
    expected, usual = plain.logits_and_gradient(images, labels, indices, draw=2)
    assert logits.tobytes() == expected.tobytes()
    assert gradient.any(axis=(1, 2, 3)).mean() > 0.9
    assert (np.sign(gradient) != np.sign(usual)).any()


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("encoding", [ENCODINGS[0], ENCODINGS[3]])
def test_every_rule_gives_the_same_bytes_in_any_batch(deployed, pictures, encoding, rule):
    case, (images, indices) = deployed(encoding, "spike_count", GateOptions(seed=4, initial=0.95)), pictures
    labels, victim = np.arange(150) % 10, IntegerVictim(case.model, case.deployment, rule, chunk=16)
    logits, gradient = victim.logits_and_gradient(images, labels, indices)
    order = np.random.default_rng(6).permutation(150)
    for chosen in (order, order[:37], order[:1], np.arange(20, 90)):
        some = victim.logits_and_gradient(images[chosen], labels[chosen], indices[chosen])
        assert some[0].tobytes() == logits[chosen].tobytes()
        assert some[1].tobytes() == gradient[chosen].tobytes()


def test_the_twins_own_logits_choose_the_direction():
    """Nothing spikes at (0, 1), and of the record's tie the rival would be class 1, whose twin is silent.

    The twin's drives are 0, -1/2 and 1/2 of a threshold: class 2 is the rival.
    """
    hidden = Dense(np.array([[6, 0], [0, -2], [0, 2]], dtype=np.int32), Neuron(4096, 4096, 4))
    last = Dense(np.eye(3, dtype=np.int32) * 2, READOUT)
    deployment = Deployment(1, Encoding("direct", 1), "membrane", (1, 1, 2))
    model = Model((Input((1, 1, 2)), Flatten(), hidden, last), (1, 1, 2), deployment)
    victim = IntegerVictim(model, rule=Analog())
    logits, gradient = victim.logits_and_gradient(_image(0, 1), np.array([0]), np.array([0]), "margin")
    assert logits.tobytes() == IntegerVictim(model).logits(_image(0, 1), np.array([0])).tobytes()
    np.testing.assert_allclose(gradient.ravel(), [0, 2 / 4 * 2 * 64])


def test_scores_are_asked_of_the_backend_and_are_the_simulators(readout_model):
    """An attack by scores on Lava takes the same way as on the simulator, and is counted alike."""
    asked, lava = [], backend("lava")

    class Listening:
        name = "lava"

        def run(self, model, stimulus, readout="spike_count", keep=()):
            asked.append(stimulus.frames.shape[0])
            return lava.run(model, stimulus, readout, keep)

    images = np.concatenate([_image(0.6, 0.2), _image(0.3, 0.9)])
    labels, indices, threat = np.array([0, 1]), np.array([4, 7]), ThreatModel(0.3)
    found = []
    for victim in (IntegerVictim(readout_model), IntegerVictim(readout_model, backend=Listening())):
        result = square(victim, images, labels, indices, threat, Square(5))
        found.append((result.images.tobytes(), result.asked.tolist(), victim.queries.forward))
    assert found[0] == found[1]
    assert sum(asked) == found[1][2] > 2


def test_what_can_not_be_attacked_is_refused(readout_model):
    with pytest.raises(SettingsError, match="steps, encoding and readout"):
        IntegerVictim(replace(readout_model, deployment=None))
    with pytest.raises(DataError, match="do not fit its input"):
        IntegerVictim(readout_model).logits(np.zeros((1, 1, 4, 4), np.float32), np.array([0]))
    with pytest.raises(DataError, match="3 classes"):
        IntegerVictim(readout_model).loss_gradient(_image(0, 0), np.array([3]), np.array([0]))


@pytest.mark.parametrize("readout", ["membrane", "spike_count"])
def test_vector_jacobian_is_in_the_units_of_the_logits(deployed, pictures, readout):
    case, (images, indices) = deployed(Encoding("direct", 16), readout), pictures
    victim = IntegerVictim(case.model, case.deployment)
    labels = victim.logits(images, indices).argmax(1)
    # the margin's ascent direction in scores: up with the rival, down with the own class
    logits = victim.logits(images, indices)
    logits[np.arange(150), labels] = -np.inf
    direction = np.eye(10)[logits.argmax(1)] - np.eye(10)[labels]
    in_logits = victim.vector_jacobian(images, indices, direction * victim.score_unit)
    np.testing.assert_array_equal(in_logits, victim.loss_gradient(images, labels, indices, "margin"))
    assert victim.score_unit > 1 and in_logits.any()
