"""The Sparse Encoding Attack on a deployed model: what may be flipped, how it is sought, what was found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lavarobust.attacks.encoding_victim import EncodingVictim
from lavarobust.attacks.flips import Flips, Slope, craft_flips, lowest_entry
from lavarobust.attacks.samples import Samples, checked_samples
from lavarobust.attacks.threat import ThreatModelError
from lavarobust.attacks.victim import Queries
from lavarobust.errors import SettingsError


@dataclass(frozen=True)
class FlipBudget:
    """An attacker who changes entries of the encoding, behind the encoder: l0 in every frame.

    Attributes:
        flips: entries per frame at most, k; T times as many per sample.

    Raises:
        SettingsError: flips below 1.
    """

    flips: int

    def __post_init__(self) -> None:
        if self.flips < 1:
            raise SettingsError(f"a budget of {self.flips} flips per frame changes nothing. Give at least 1.")

    def check(self, frames: np.ndarray, attacked: np.ndarray, lowest: int) -> None:
        """Hold attacked frames ``(N, T, C, H, W)`` against those that were encoded.

        Raises:
            ThreatModelError: another shape, an entry that no spike has, or too many changes in a frame.
        """
        if frames.shape != attacked.shape:
            raise ThreatModelError(f"{attacked.shape} attacked frames for {frames.shape} frames.")
        if not np.isin(attacked, np.arange(lowest, 2)).all():
            raise ThreatModelError(f"attacked frames hold other entries than {lowest}..1.")
        changed = (frames != attacked).sum(axis=(2, 3, 4))
        if changed.max(initial=0) > self.flips:
            sample, step = np.unravel_index(changed.argmax(), changed.shape)
            raise ThreatModelError(
                f"sample {sample} has {changed.max()} flips in frame {step}, and {self.flips} are allowed."
            )


@dataclass(frozen=True)
class SEA:
    """How flips are sought (Mukhoty et al., ICLR 2025; :mod:`lavarobust.attacks.flips`).

    Attributes:
        iterations: gradients, each of which adds its share of the budget; 1 is the attack as published.
        encodings: None: the attacker knows the encoding that is executed. A number: it does not, and
            follows the average gradient of so many fresh encodings in every iteration; what it chose is
            executed on one that it has not seen. Each counts alike, also those that are fooled already.

    Raises:
        SettingsError: an impossible value.
    """

    iterations: int = 1
    encodings: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("iterations", self.iterations), ("encodings", self.encodings)):
            if value is not None and value < 1:
                raise SettingsError(f"SEA with {name}={value} does nothing. Give at least 1.")

    @property
    def name(self) -> str:
        steps = f"-{self.iterations}" if self.iterations > 1 else ""
        return f"SEA{steps}" + (f" over {self.encodings} fresh" if self.encodings else "")


@dataclass(frozen=True, eq=False)
class FlipResult:
    """What was found for each of N samples.

    Attributes:
        frames: ``(N, T, C, H, W)`` int8, the attacked encoding.
        prediction: ``(N,)`` int64, the victim's.
        gradients, zero_gradients: how many were computed, and how many were zero in every entry.
        queries: executions that the attack took, all samples together.
    """

    frames: np.ndarray
    prediction: np.ndarray
    gradients: int
    zero_gradients: int
    queries: Queries


def attack_encoding(
    settings: SEA,
    victim: EncodingVictim,
    images: np.ndarray,
    labels: np.ndarray,
    indices: np.ndarray,
    budget: FlipBudget,
    draw: int = 0,
) -> FlipResult:
    """Encode images and flip entries of the encoding so that the victim gets them wrong.

    A sample that is fooled on the way is left as it is, where the encoding is known. The result of a
    sample is the same bytes in any batch and order.

    Args:
        settings: how.
        images: ``(N, C, H, W)`` pixels in [0, 1], or event frames ``(N, C, H, W, T)``.
        labels, indices: ``(N,)`` true classes, and each sample's index in its data set.
        budget: what may be changed.
        draw: of the encoding that is attacked and executed.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        SettingsError: an encoding that sends no spikes.
        ThreatModelError: more was changed than allowed, which is a defect.
    """
    search = _Search(settings, victim, checked_samples(images, labels, indices), draw)
    lowest = lowest_entry(victim.deployment.encoding)
    iterations = min(settings.iterations, budget.flips)
    flips = craft_flips(search.slope, search.clean, lowest, budget.flips, iterations)
    attacked = flips.applied(search.clean).numpy()
    budget.check(search.clean.numpy(), attacked, lowest)
    prediction = victim.logits(attacked, search.samples.indices, draw).argmax(axis=1)
    queries = victim.queries.since(search.before)
    return FlipResult(attacked.astype(np.int8), prediction, search.gradients, search.zero_gradients, queries)


class _Search:
    def __init__(self, settings: SEA, victim: EncodingVictim, samples: Samples, draw: int) -> None:
        self.settings, self.victim, self.samples, self.draw = settings, victim, samples, draw
        self.before = replace(victim.queries)
        self.clean = self._encoded(draw)
        self.fooled = np.zeros(len(samples), dtype=bool)
        self.gradients = self.zero_gradients = 0

    def slope(self, flips: Flips, iteration: int) -> Slope:
        """At the known encoding, or on the average of fresh ones."""
        count = self.settings.encodings
        if count is None:
            return self._at(flips.applied(self.clean), self.draw)
        first = self.draw + 1 + iteration * count
        slopes = [self._at(flips.applied(self._encoded(draw)), draw) for draw in range(first, first + count)]
        gradient, product = (
            torch.stack([getattr(slope, name) for slope in slopes]).mean(0)
            for name in ("gradient", "product")
        )
        return Slope(gradient, product)

    def _encoded(self, draw: int) -> torch.Tensor:
        """``(N, T, C, H, W)`` float32."""
        return torch.from_numpy(self.victim.encoded(self.samples.images, self.samples.indices, draw))

    def _at(self, frames: torch.Tensor, draw: int) -> Slope:
        """Zero for samples that are fooled already, where that is for good."""
        whole = torch.zeros_like(frames)
        open_ = np.flatnonzero(~self.fooled)
        if len(open_):
            here, part = frames.numpy()[open_], self.samples.take(open_)
            logits, gradient = self.victim.logits_and_gradient(here, part.labels, part.indices, draw=draw)
            self.gradients += len(open_)
            self.zero_gradients += int((~gradient.reshape(len(here), -1).any(axis=1)).sum())
            if self.settings.encodings is None:
                self.fooled[open_] = fooled = logits.argmax(axis=1) != part.labels
                gradient[fooled] = 0
            whole[open_] = torch.from_numpy(gradient)
        return Slope.at(frames, whole)
