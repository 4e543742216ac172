from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from lavarobust.attacks import APGD, IntegerVictim, NetworkVictim, Square, ThreatModel, attack, square
from lavarobust.attacks.autoattack import STANDARD, _Model, autoattack
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.deployment import Encoding

pytest.importorskip("pyautoattack")

THREAT = ThreatModel(0.1)


class Crop(torch.nn.Module):
    """Leaves out the last row and column, which the tiles of the package's Square never reach."""

    def forward(self, images):
        return images[:, :, :-1, :-1]


@pytest.fixture(scope="module")
def smooth():
    """A small float network that has learnt digits, and 60 images that it has not seen, with a margin."""
    digits = load_digits()
    images = torch.from_numpy((digits.images / 16).astype(np.float32))[:, None]
    images = torch.nn.functional.pad(images, (0, 1, 0, 1))
    labels = torch.from_numpy(digits.target.astype(np.int64))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = torch.nn.Sequential(
            Crop(), torch.nn.Flatten(), torch.nn.Linear(64, 48), torch.nn.Softplus(), torch.nn.Linear(48, 10)
        )
    optimiser = torch.optim.Adam(module.parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(images[:1500]), labels[:1500]).backward()
        optimiser.step()
    return NetworkVictim(module), images[1500:1560].numpy(), labels[1500:1560].numpy(), np.arange(1500, 1560)


@pytest.mark.slow
@pytest.mark.parametrize("threat", [THREAT, ThreatModel(0.5, "l2")])
def test_its_square_and_ours_agree(smooth, threat):
    victim, *arrays = smooth
    theirs = autoattack(victim, *arrays, threat, ["square"])
    ours = square(victim, *arrays, threat, Square(5000))
    clean = victim.logits(arrays[0], arrays[2]).argmax(1) == arrays[1]
    assert clean.mean() > 0.85 and 0.3 < (~ours.fooled).mean() < 0.7
    # two random searches to the end
    assert (ours.fooled != theirs.fooled).sum() <= 3
    threat.check(arrays[0], theirs.images)
    assert set(theirs.fooled_by) == {"", "clean", "square"}
    np.testing.assert_array_equal(theirs.fooled_by == "clean", ~clean)


@pytest.mark.parametrize("threat", [THREAT, ThreatModel(0.5, "l2")])
def test_its_apgd_and_ours_agree(smooth, threat):
    victim, *arrays = smooth
    theirs = autoattack(victim, *arrays, threat, ["apgd-ce"])
    ours = attack(APGD(100), victim, *arrays, threat)
    assert 0.2 < ours.fooled.mean() < 0.9 and (ours.fooled != theirs.fooled).sum() <= 1
    threat.check(arrays[0], theirs.images)


@pytest.mark.slow
def test_the_standard_version_runs_its_attacks_in_order_on_what_is_left(smooth):
    victim, images, labels, indices = smooth
    arrays = images[:12], labels[:12], indices[:12]
    found = autoattack(victim, *arrays, THREAT)
    first = autoattack(victim, *arrays, THREAT, STANDARD[:1])
    np.testing.assert_array_equal(found.fooled_by == "apgd-ce", first.fooled_by == "apgd-ce")
    np.testing.assert_array_equal(found.images[first.fooled], first.images[first.fooled])
    assert (first.fooled <= found.fooled).all() and set(found.fooled_by) <= {"", "clean", *STANDARD}


def test_what_it_found_is_what_the_victim_says_and_repeats(smooth):
    victim, *arrays = smooth
    before = victim.queries.forward
    found = autoattack(victim, *arrays, THREAT, ["apgd-ce"], seed=3)
    assert found.queries.forward == victim.queries.forward - before > 0 < found.queries.backward
    logits = victim.logits(found.images, arrays[2])
    np.testing.assert_array_equal(found.prediction, logits.argmax(1))
    np.testing.assert_array_equal(found.fooled, found.prediction != arrays[1])
    np.testing.assert_array_equal(found.fooled, found.loss > 0)
    moved = (found.images != arrays[0]).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(moved, found.fooled_by == "apgd-ce")
    again = autoattack(victim, *arrays, THREAT, ["apgd-ce"], seed=3)
    assert again.images.tobytes() == found.images.tobytes()
    other = autoattack(victim, *arrays, THREAT, ["apgd-ce"], seed=4)
    assert other.images.tobytes() != found.images.tobytes()


def test_tracing_and_torchs_generator_are_put_back(smooth):
    victim, *arrays = smooth
    state = torch.get_rng_state()
    before = sys.gettrace()

    def trace(frame, event, argument):
        return None

    try:
        sys.settrace(trace)
        autoattack(victim, *arrays, ThreatModel(0.01), ["apgd-ce"])
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)
    assert torch.equal(state, torch.get_rng_state())


def test_counts_with_broken_ties_stop_no_search_early():
    """Class 0 counts five and wins ties, so that class 1 needs all of six pixels; 2 and 3 tie behind."""

    class Counts(torch.nn.Module):
        def forward(self, images):
            up = (Crop()(images).flatten(1) > 0.5).float().sum(1)
            return torch.stack([up * 0 + 5, up - 0.1, up * 0 - 0.2, up * 0 - 0.3], 1)

    images = np.full((4, 1, 3, 4), 0.5, dtype=np.float32)
    found = autoattack(
        NetworkVictim(Counts()), images, np.zeros(4, int), np.arange(4), ThreatModel(1 / 16), ["square"]
    )
    assert found.fooled.all() and (found.images[:, :, :-1, :-1] == 0.5 + 1 / 16).all()


def test_what_torch_sees_is_the_victim(deployed, pictures):
    case, (images, _) = deployed(Encoding("direct", 16), "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment)
    pixels = torch.from_numpy(images[:9]).requires_grad_()
    scores = _Model(victim, 0)(pixels)
    logits = victim.logits(images[:9], np.arange(9))
    np.testing.assert_allclose(
        scores.detach().numpy(), logits - logits.max(1, keepdims=True), rtol=1e-6, atol=1e-7
    )
    direction = torch.from_numpy(np.random.default_rng(0).normal(size=(9, 10)).astype(np.float32))
    (gradient,) = torch.autograd.grad(scores, pixels, direction)
    np.testing.assert_array_equal(
        gradient.numpy(), victim.vector_jacobian(images[:9], np.arange(9), direction.numpy())
    )
    with torch.no_grad():
        one, other = (_Model(victim, 0)(pixels) for _ in range(2))
        one[:] = -torch.inf  # as Square does
        assert torch.isfinite(other).all() and torch.isfinite(_Model(victim, 0)(pixels)).all()


def test_a_broken_tie_of_large_scores_stays_broken_in_float32():
    class Large(torch.nn.Module):
        def forward(self, images):
            scores = torch.tensor([0.0, 2.0**26 + 0.25, 2.0**26, 1.0], dtype=torch.float64)
            return images.double().flatten(1) * 0 + scores

    scores = _Model(NetworkVictim(Large()), 0)(torch.zeros(1, 1, 2, 2))
    assert scores.dtype == torch.float32 and scores[0, :3].tolist() == [-(2.0**26), 0.0, -0.25]


def test_what_it_can_not_attack_is_refused(smooth, linear_case):
    victim, *arrays = smooth
    for attacks in (["apgd"], []):
        with pytest.raises(SettingsError, match=r"Choose from: apgd-ce, apgd-t, fab-t, square"):
            autoattack(victim, *arrays, THREAT, attacks)
    drawn = NetworkVictim(victim.module, stochastic=True)
    with pytest.raises(SettingsError, match=r"lucky draw let pass\. Give the MeanVictim"):
        autoattack(drawn, *arrays, THREAT)
    case = linear_case
    with pytest.raises(DataError, match="4 classes, not 2"):
        autoattack(NetworkVictim(case.module), case.images, case.labels, case.indices, THREAT)
