"""An attack on the cost of an answer: images of the box for which a model executes more synaptic operations.

What rises is the number of operations of one sample, as a record counts them: every event times the
non-zero synapses that it drives, over all layers and steps. An event is an entry x that is not zero; for the
integers that are sent this is min(|x|, 1), whose slope (1 where x is 0, 0 beyond 1) stands for it in the
gradient, through spikes by the attacker's surrogate. The class plays no part. The goal is that of sponge
examples (Shumailov et al., EuroS&P 2021), here counted exactly; the sign steps are PGD's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lavarobust.attacks.craft import craft_linf
from lavarobust.attacks.integer_victim import EXTREMES, IntegerVictim
from lavarobust.attacks.samples import checked_samples
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.victim import DEFAULT_CHUNK, Queries
from lavarobust.draws import Keys
from lavarobust.dynamics import Analog, GradientRule, Surrogate
from lavarobust.errors import SettingsError
from lavarobust.execution.simulator import LayerRun, propagate
from lavarobust.execution.simulator.propagate import Memory
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.model import Model
from lavarobust.record import Record


class OperationsVictim(IntegerVictim):
    """A deployed model whose "logits" are 0 and its synaptic operations, ``(N, 2)``.

    So the margin of class 1 over class 0 is what an attack of its operations makes rise. Arguments and
    errors as :class:`IntegerVictim` has them, but for the rule ``Analog``, which raises SettingsError.
    """

    def __init__(
        self,
        model: Model,
        deployment: Deployment | None = None,
        rule: GradientRule = Surrogate(),  # noqa: B008
        chunk: int = DEFAULT_CHUNK,
        threads: int = 1,
    ) -> None:
        check_counted(rule)
        super().__init__(model, deployment, rule, chunk, threads)

    def operations(self, images: np.ndarray, indices: np.ndarray, draw: int = 0) -> np.ndarray:
        """``(N,)`` int64 operations that each image takes; arguments as :meth:`logits`."""
        return _counted(self.logits(images, indices, draw))

    def operations_and_gradient(
        self, images: np.ndarray, indices: np.ndarray, draw: int = 0
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same, and their gradient ``(N, C, H, W)`` float32."""
        zeros = np.zeros(len(images), dtype=np.int64)
        logits, gradient = self.logits_and_gradient(images, zeros, indices, "margin", draw)
        return _counted(logits), gradient

    def _executed(self, frames: torch.Tensor, keys: Keys, memory: Memory | None = None) -> torch.Tensor:
        steps = self.deployment.steps
        runs = propagate(self._stages, frames, steps, keys, memory)
        total = torch.stack([operations_of(run, steps) for run in runs]).sum(0)[:-EXTREMES]
        return torch.stack([torch.zeros_like(total), total], dim=1)

    def _recorded(self, record: Record) -> np.ndarray:
        total = np.sum([layer.synops.sum(axis=1, dtype=np.int64) for layer in record.layers], axis=0)
        return np.stack([np.zeros_like(total), total], axis=1)

    def _as_logits(self, scores: np.ndarray) -> np.ndarray:
        return scores


def check_counted(rule: GradientRule) -> None:
    """Raises SettingsError for a gradient that goes through no spikes."""
    if isinstance(rule, Analog):
        raise SettingsError(
            "the analog twin of a model sends no spikes that could be counted. Give another rule"
        )


def operations_of(run: LayerRun, steps: int) -> torch.Tensor:
    """``(N,)`` float64: operations of the synapses into one layer over a window, differentiable."""
    samples = run.trajectory.spikes.shape[1]
    total = torch.zeros(samples, dtype=torch.float64, device=run.inputs.device)
    paths = zip((path.stage for path in run.stage.joining), run.beside, strict=True)
    for stage, inputs in ((run.stage, run.inputs), *paths):
        if stage.fan_out is not None:  # an input population has no synapses
            total = total + _events(inputs.flatten(2)[:steps]).sum(0) @ stage.fan_out[:, 0]
    if run.stage.recurrent_fan_out is not None:
        fired = run.trajectory.spikes.flatten(2)
        total = total + _events(fired).sum(0) @ run.stage.recurrent_fan_out[:, 0]
    return total


def _events(sent: torch.Tensor) -> torch.Tensor:
    """1 where integers are not 0, with the slope of min(|x|, 1)."""
    values = sent.detach()
    slope = torch.where(values < 0, -1, 1) * (values.abs() <= 1)
    return ((values != 0) + slope * (sent - values)).double()


def _counted(logits: np.ndarray) -> np.ndarray:
    return np.rint(logits[:, 1]).astype(np.int64)


@dataclass(frozen=True)
class OperationsAscent:
    """Sign steps from the image, the best on the way being kept.

    Attributes:
        steps: gradients.
        step_size: in pixel units; None is 2.5 * epsilon / steps.

    Raises:
        SettingsError: an impossible value.
    """

    steps: int = 20
    step_size: float | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise SettingsError(f"OperationsAscent with steps={self.steps} does nothing. Give at least 1.")
        if self.step_size is not None and not 0 < self.step_size < float("inf"):
            raise SettingsError(f"step size {self.step_size} is impossible. Give a positive number.")

    @property
    def name(self) -> str:
        return f"operations-{self.steps}"


@dataclass(frozen=True, eq=False)
class OperationsResult:
    """What was found for each of N samples.

    Attributes:
        images: ``(N, C, H, W)`` float32: of all that were tried, that of most operations, the clean one
            among them.
        clean, operations: ``(N,)`` int64, synaptic operations without the attack and with it.
        gradients, zero_gradients: how many were computed, and how many were zero in every pixel.
        queries: executions that the attack took, all samples together.
    """

    images: np.ndarray
    clean: np.ndarray
    operations: np.ndarray
    gradients: int
    zero_gradients: int
    queries: Queries

    @property
    def growth(self) -> float:
        """Operations of all samples with the attack over those without; 1 where nothing was executed."""
        return float(self.operations.sum() / self.clean.sum()) if self.clean.sum() else 1.0


def attack_operations(
    settings: OperationsAscent,
    victim: OperationsVictim,
    images: np.ndarray,
    indices: np.ndarray,
    epsilon: float,
    draw: int = 0,
) -> OperationsResult:
    """Search the box around every image for one that takes more operations.

    The result of a sample is the same bytes in any batch and order.

    Args:
        settings: how.
        images: ``(N, C, H, W)`` pixels in [0, 1], or event frames ``(N, C, H, W, T)``.
        indices: ``(N,)`` each sample's index in its data set.
        epsilon: largest change of any pixel, in pixel units.
        draw: of what the victim draws.

    Raises:
        DataError: arrays that do not fit each other or the victim.
        SettingsError: epsilon outside [0, 1].
        ThreatModelError: an image left the threat model, which is a defect.
    """
    threat = ThreatModel(epsilon)
    samples = checked_samples(images, np.zeros(len(images), dtype=np.int64), indices)
    before = replace(victim.queries)
    victim.forget()
    clean = victim.operations(samples.images, samples.indices, draw)
    best, most = samples.images.copy(), clean.copy()
    zero_gradients = 0

    def keep(here: np.ndarray, operations: np.ndarray) -> None:
        better = operations > most
        best[better], most[better] = here[better], operations[better]

    def gradient_at(here: torch.Tensor) -> torch.Tensor:
        nonlocal zero_gradients
        operations, gradient = victim.operations_and_gradient(here.numpy(), samples.indices, draw)
        keep(here.numpy(), operations)
        zero_gradients += int((~gradient.reshape(len(gradient), -1).any(axis=1)).sum())
        return torch.from_numpy(gradient)

    step_size = settings.step_size or 2.5 * epsilon / settings.steps
    start = torch.from_numpy(samples.images)
    end = craft_linf(gradient_at, start, epsilon, step_size, settings.steps).numpy()
    keep(end, victim.operations(end, samples.indices, draw))
    threat.check(samples.images, best)
    return OperationsResult(
        images=best,
        clean=clean,
        operations=most,
        gradients=settings.steps * len(samples),
        zero_gradients=zero_gradients,
        queries=victim.queries.since(before),
    )
