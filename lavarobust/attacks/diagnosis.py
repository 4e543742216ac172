"""Whether a robustness figure can be believed: what a masked gradient, or a lazy attack, would show.

The checks are those of Athalye et al. 2018 (section 3.1), Carlini et al. 2019 and Croce et al. 2022, with the
spiking ones of methods that follow single surrogates. Each probe is held against the evaluation's own verdict
on the same samples: one that fools what the evaluation calls robust shows that the figure is too high.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lavarobust.attacks.attackable import Attackable
from lavarobust.attacks.checks import DEAD, NOTICEABLE, Check, Diagnosis, noticeable
from lavarobust.attacks.probes import Probes
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import Suite
from lavarobust.attacks.threat import ThreatModel
from lavarobust.attacks.verdict import FILTER_DRAWS, judge

__all__ = ["DEAD", "NOTICEABLE", "SAMPLES", "Attackable", "Check", "Diagnosis", "diagnose"]

SAMPLES = 100
"""Samples that are looked at: the first that the model has right."""


def diagnose(
    target: Attackable,
    suite: Suite,
    samples: Samples,
    threat: ThreatModel,
    robust: np.ndarray,
    told: Callable[[str], None] = lambda what: None,
) -> Diagnosis:
    """Ask every question about an evaluation.

    Where it calls too few robust for its figure to be noticeably too high, nothing is asked: gradients may
    then be masked, and yet the evaluation came past that.

    Args:
        target: what was attacked, and how it was asked.
        suite: what ran.
        samples: N samples.
        threat: of the evaluation.
        robust: ``(N,)`` bool, what the evaluation calls robust.
        told: called before each probe.
    """
    right = judge(target.victim(suite.rule), samples, target.votes, FILTER_DRAWS).prediction == samples.labels
    chosen = np.flatnonzero(right)[:SAMPLES]
    if not len(chosen):
        return Diagnosis(0, (Check("clean accuracy", True, "no sample is right without attack"),))
    left = int(robust[chosen].sum())
    if left < noticeable(len(chosen)):
        said = f"{left} of {len(chosen)} are called robust, and no figure is far below that"
        return Diagnosis(len(chosen), (Check("room for an overestimate", False, said),))
    probes = Probes(target, suite, samples.take(chosen), threat, robust[chosen])
    questions: dict[str, Callable[[], list[Check]]] = {
        "gradients": probes.gradients,
        "a single step": probes.single_step,
        "noise": probes.noise,
        "scores": probes.scores,
        "more steps": probes.more_steps,
        "restarts": probes.restarts,
        "other gradients": probes.surrogates,
        "transfer": probes.transfer,
        "more draws": probes.draws,
        "input levels": probes.input_levels,
        "radius": probes.radius,
        "a step that helps": lambda: probes.help(samples.take(slice(SAMPLES))),
        "rounded images": probes.rounded_images,
    }
    checks = []
    for what, ask in questions.items():
        told(what)
        checks += ask()
    return Diagnosis(len(chosen), tuple(checks))
