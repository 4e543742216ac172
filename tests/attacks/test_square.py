from __future__ import annotations

import numpy as np
import pytest
import torch

from lavarobust.attacks import IntegerVictim, NetworkVictim, Queries, Square, ThreatModel, square
from lavarobust.attacks.square import VOTES
from lavarobust.errors import DataError, SettingsError
from lavarobust.netx.deployment import Encoding

EPSILON = 1 / 16
THREAT = ThreatModel(EPSILON)
GREY = np.full((5, 2, 2, 3), 0.5, dtype=np.float32)
LABELS, INDICES = np.zeros(5, dtype=np.int64), np.arange(20, 25)


class Watched:
    """A victim of the image and the draw, ``score(image, draw) -> logits``, that keeps what it was asked."""

    def __init__(self, score, stochastic=False):
        self.name, self.stochastic, self.score = "watched", stochastic, score
        self.queries, self.seen, self.draws = Queries(), [], []

    def logits(self, images, indices, draw=0):
        self.seen.append(images.copy())
        self.draws.append(draw)
        self.queries.forward += len(images)
        return np.array([self.score(image, draw) for image in images], dtype=np.float64)


def _arrays(case):
    return case.images, case.labels, case.indices


def test_on_a_linear_victim_it_finds_the_worst_corner(linear_case):
    found = square(NetworkVictim(linear_case.module), *_arrays(linear_case), THREAT, Square(1000))
    worst = linear_case.worst_images(EPSILON)
    can_be_fooled = linear_case.predictions(worst) != linear_case.labels
    assert 0 < can_be_fooled.sum() < 90
    np.testing.assert_array_equal(found.fooled, can_be_fooled)
    np.testing.assert_array_equal(found.images[~found.fooled], worst[~found.fooled])
    np.testing.assert_array_equal(linear_case.predictions(found.images) != linear_case.labels, found.fooled)
    assert (found.asked[found.fooled] < 1000).all() and (found.asked[~found.fooled] == 1000).all()
    assert found.queries == Queries(forward=90 + int(found.asked.sum()))
    assert not found.gradients.any() and found.zero_gradient_share == 0


def test_in_the_ball_of_a_linear_victim_it_climbs_towards_the_furthest_image(linear_case):
    """Grey images far from black and white: the furthest lies epsilon along the normal of the boundary."""
    weight = linear_case.module.weight.detach().numpy().astype(np.float64)
    images = (0.4 + 0.2 * linear_case.images).astype(np.float32)
    labels, threat = linear_case.predictions(images), ThreatModel(0.3, "l2")
    found = square(
        NetworkVictim(linear_case.module), images, labels, linear_case.indices, threat, Square(300)
    )
    furthest = threat.epsilon * np.linalg.norm(weight[1] - weight[0])
    share = (found.loss - found.first_loss) / furthest
    # windows of three by three can't take every direction, but a random one comes to 1 / 4 of it
    assert (share > 0.5).all() and (share <= 1 + 1e-6).all() and not found.fooled.any()


def test_what_is_wrong_already_is_returned_untouched(linear_case):
    found = square(
        NetworkVictim(linear_case.module),
        linear_case.images,
        1 - linear_case.labels,
        linear_case.indices,
        THREAT,
    )
    np.testing.assert_array_equal(found.images, linear_case.images)
    assert found.fooled.all() and not found.asked.any() and found.queries == Queries(forward=90)


def test_a_clean_image_that_nothing_beat_is_returned(linear_case):
    victim = NetworkVictim(linear_case.module)
    found = square(victim, *_arrays(linear_case), THREAT, Square(1))
    logits = victim.logits(linear_case.images, linear_case.indices)
    rows, labels = np.arange(90), linear_case.labels
    clean_loss = logits[rows, 1 - labels] - logits[rows, labels]
    clean = (found.images == linear_case.images).all(axis=(1, 2, 3))
    assert 0 < clean.sum() < 90
    np.testing.assert_array_equal(found.loss[clean], clean_loss[clean])
    assert (found.loss[~clean] > clean_loss[~clean]).all()


def test_a_tie_that_the_own_class_wins_does_not_end_the_search():
    """Raw spike counts: class 1 ties at eleven pixels of twelve, and wins with all of them."""
    victim = Watched(lambda image, draw: [11, (image > 0.5).sum()])
    found = square(victim, GREY, LABELS, INDICES, THREAT)
    margins = [[(image > 0.5).sum() - 11 for image in images] for images in victim.seen]
    assert any(0 in margin for margin in margins)
    assert found.fooled.all() and (found.prediction == 1).all() and (found.loss == 1).all()
    assert (found.images == 0.5 + EPSILON).all()

    never = square(
        Watched(lambda image, draw: [12, (image > 0.5).sum()]), GREY, LABELS, INDICES, THREAT, Square(400)
    )
    assert not never.fooled.any() and (never.asked == 400).all() and (never.loss == 0).all()


def test_the_share_of_a_tile_halves_as_the_paper_says():
    settings = Square(10000)
    places = (0, 10, 11, 50, 51, 201, 501, 1001, 2001, 4001, 6001, 8000, 8001, 9999)
    halvings = (0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9)
    assert [settings.tile_area(place) for place in places] == [0.8 / 2**times for times in halvings]
    assert Square(1000).tile_area(1) == 0.8 and Square(1000).tile_area(2) == 0.4


@pytest.mark.parametrize("shape", [(1, 8, 8), (2, 3, 9), (1, 1, 1)])
def test_candidates_are_stripes_and_then_tiles_that_reach_every_pixel(shape):
    image = np.full((1, *shape), 0.5, dtype=np.float32)
    victim = Watched(lambda image, draw: [1.0, 0.0])
    square(victim, image, LABELS[:1], INDICES[:1], THREAT, Square(400))
    _, stripes, *tiled = (images[0] for images in victim.seen)
    assert len(tiled) == 399
    assert (np.abs(stripes - 0.5) == EPSILON).all() and (stripes == stripes[:, :1]).all()
    touched, sides = np.zeros(shape[1:], dtype=int), []
    for candidate in tiled:
        changed = (candidate != stripes).any(axis=0)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        tile = candidate[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert (tile == tile[:, :1, :1]).all()  # one sign per channel
        touched += changed
        sides.append(max(np.ptp(rows), np.ptp(columns)) + 1)
    assert (touched > 0).all()
    # the share of the first tiles is 0.8, then 0.4 up to the second query, of the last ones 0.8 / 512
    assert max(sides) <= round((0.8 * shape[1] * shape[2]) ** 0.5) and sides[-1] == 1


def test_both_signs_are_as_frequent_and_tiles_lie_everywhere():
    image = np.full((300, 1, 4, 4), 0.5, dtype=np.float32)
    victim = Watched(lambda image, draw: [1.0, 0.0])
    square(victim, image, np.zeros(300, int), np.arange(300), THREAT, Square(30, p_init=1 / 16))
    _, stripes, *tiled = victim.seen
    assert np.mean(stripes > 0.5) == pytest.approx(0.5, abs=0.05)
    # one pixel of one channel always changes, by the flip of its sign
    flips = sum((candidate != stripes) for candidate in tiled)
    assert flips.sum() == 29 * 300
    np.testing.assert_allclose(flips.mean(axis=(0, 1)), 29 / 16, rtol=0.15)


@pytest.mark.parametrize(
    "encoding, threat",
    [
        (Encoding("direct", 16), ThreatModel(8 / 255)),
        (Encoding("rate"), ThreatModel(8 / 255)),
        (Encoding("direct", 16), ThreatModel(0.25, "l2")),
    ],
)
def test_a_sample_gets_the_same_bytes_in_any_batch(deployed, pictures, encoding, threat):
    case, (images, indices) = deployed(encoding, "membrane"), pictures
    victim = IntegerVictim(case.model, case.deployment, chunk=16)
    labels = victim.logits(images, indices).argmax(1)
    settings = Square(40)
    found = square(victim, images, labels, indices, threat, settings, seed=4)
    threat.check(images, found.images)
    assert 0 < found.fooled.sum() < 150
    order = np.random.default_rng(6).permutation(150)
    for chosen in (order, order[:37], order[:1]):
        some = square(victim, images[chosen], labels[chosen], indices[chosen], threat, settings, seed=4)
        for name in ("images", "fooled", "prediction", "loss", "asked"):
            assert getattr(some, name).tobytes() == getattr(found, name)[chosen].tobytes()


def test_the_seed_changes_what_is_found(linear_case):
    victim = NetworkVictim(linear_case.module)
    one, other = (
        square(victim, *_arrays(linear_case), THREAT, Square(3), seed=seed).images for seed in (0, 1)
    )
    assert (one != other).any()


def test_a_lucky_draw_of_a_stochastic_victim_does_not_end_the_search():
    tried = range(1000, 10_000, 1 + VOTES)
    victim = Watched(lambda image, draw: [0.0, 1.0] if draw in tried else [1.0, 0.0], stochastic=True)
    found = square(victim, GREY, LABELS, INDICES, THREAT, Square(50), draw=1000)
    assert not found.fooled.any() and (found.prediction == 0).all() and (found.loss == -1).all()
    # every candidate was judged, and the 50 have place for eight of them
    assert (found.asked == 8 * (1 + VOTES)).all()
    assert found.queries.forward == 5 * VOTES + found.asked.sum()
    assert len(set(victim.draws)) == len(victim.draws)  # always fresh ones


@pytest.mark.parametrize("wrong_of_five", range(VOTES + 1))
def test_the_majority_of_fresh_draws_decides(wrong_of_five):
    def score(image, draw):
        place = draw % (1 + VOTES)  # 0 is the one that a candidate is tried with
        wrong = place <= wrong_of_five and (image != 0.5).any()
        return [0.0, 1.0, 3.0 if place == 1 else 0.0] if wrong else [2.0, 0.0, 0.0]

    victim = Watched(score, stochastic=True)
    found = square(victim, GREY[:2], LABELS[:2], INDICES[:2], THREAT, Square(1 + VOTES))
    assert found.fooled.tolist() == [wrong_of_five >= 3] * 2
    assert found.prediction.tolist() == [1 if wrong_of_five >= 3 else 0] * 2
    # of each wrong draw the margin is 1, of the first wrong one 3, of the others -2
    margins = [3.0] + [1.0] * (wrong_of_five - 1) if wrong_of_five else []
    mean = (sum(margins) - 2 * (VOTES - wrong_of_five)) / VOTES
    np.testing.assert_allclose(found.loss, mean)
    assert (found.asked == 1 + VOTES).all()


@pytest.mark.parametrize("settings", [{"queries": 0}, {"p_init": 0.0}, {"p_init": 1.5}, {"p_init": np.nan}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(SettingsError):
        Square(**settings)


def test_event_frames_are_refused():
    victim = NetworkVictim(torch.nn.Flatten())
    with pytest.raises(DataError, match=r"\(N, C, H, W\)"):
        square(victim, GREY[..., None], LABELS, INDICES, THREAT)
