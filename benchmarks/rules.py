"""One gradient of an attack under every gradient rule, beside the triangular surrogate's.

The forward pass is the same exact integers under each; what differs is what is kept of it and how it goes
back. Adaptive sharpness has seen the samples before, as from an attack's second iteration on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from sklearn.datasets import load_digits

from benchmarks.inputs import digits
from benchmarks.measure import in_turn
from benchmarks.networks import convolutional
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.attacks import IntegerVictim
from lavarobust.dynamics import (
    LIF,
    AdaptiveSharpness,
    Analog,
    Averaged,
    GradientRule,
    PotentialDependent,
    RateGradient,
    RateMask,
    Surrogate,
    fused,
    stepwise,
    straight_through,
)
from lavarobust.netx import Deployment, Encoding, Model, read_model
from lavarobust.resources import resource_folder

SAMPLES, STEPS = 64, 8
RULES: dict[str, GradientRule] = {
    "triangular": Surrogate(),
    "straight through": straight_through(),
    "BPTR": RateMask(),
    "RGA": RateGradient(),
    "HART": Averaged(),
    "PDSG": PotentialDependent(),
    "ASSG": AdaptiveSharpness(),
    "analog twin": Analog(),
}
CASES = ("digits", "conv")
STATES = (STEPS, SAMPLES, 8 * 28 * 28)
"""Of a layer whose way back with given derivatives is timed in both engines."""


@dataclass(frozen=True)
class Case:
    """A model and the samples whose gradients are taken.

    Attributes:
        name: to print.
        images: ``(N, C, H, W)``.
    """

    name: str
    model: Model
    deployment: Deployment
    images: np.ndarray


def digits_case(settings: Settings) -> Case:
    """The smallest of the shipped models, at another number of steps than it was made for."""
    model = read_model(resource_folder("netx_models") / "digits-plain.net")
    assert model.deployment is not None
    deployment = replace(model.deployment, steps=STEPS)
    images = load_digits().images[:SAMPLES, None].astype(np.float32) / 16
    return Case("digits-plain", model, deployment, images)


def conv_case(settings: Settings) -> Case:
    model = convolutional(SAMPLES, settings.data).model
    images, _ = digits(settings.data, SAMPLES)
    deployment = Deployment(STEPS, Encoding("direct", 16), "spike_count", (1, 28, 28))
    return Case("28x28 conv net", model, deployment, images)


MAKERS: dict[str, Callable[[Settings], Case]] = {"digits": digits_case, "conv": conv_case}


def gradients(case: Case) -> dict[str, Callable[[], tuple[np.ndarray, np.ndarray]]]:
    """A call for the logits and gradients under each rule, by the rule's name."""
    indices, threads = np.arange(len(case.images)), torch.get_num_threads()
    victims = {
        name: IntegerVictim(case.model, case.deployment, rule, threads=threads)
        for name, rule in RULES.items()
    }
    given = case.images, indices % 10, indices
    return {name: partial(victim.logits_and_gradient, *given) for name, victim in victims.items()}


def benchmark(settings: Settings) -> Outcome:
    """Each rule's time over that of the triangular surrogate; the same for given derivatives by engine."""
    parts = [_case(MAKERS[name](settings), settings) for name in settings.wanted(CASES)]
    if not settings.only:
        parts.append(_engines(settings))
    return together(f"A gradient of {SAMPLES} samples, T={STEPS}, by rule", parts)


def _case(case: Case, settings: Settings) -> Outcome:
    say(f"rules: {case.name}")
    calls = gradients(case)
    logits = {name: call()[0].tobytes() for name, call in calls.items()}
    others = [name for name in calls if logits[name] != logits["triangular"]]
    taken = in_turn(calls, settings.repeats)
    usual = taken["triangular"].median
    ratios = {f"{case.name}, {name} / triangular": one.median / usual for name, one in taken.items()}
    return Outcome(
        case.name,
        figures=tuple(Figure(*ratio) for ratio in ratios.items()),
        timings={f"{case.name}, {name}": timing for name, timing in taken.items()},
        notes=(f"{case.name}, triangular: {usual:.3g} ms",),
        failures=tuple(f"{case.name}: {name} has other logits" for name in others),
    )


def _engines(settings: Settings) -> Outcome:
    """The way back of one layer, its spikes' derivatives being given or made on the way."""
    say("rules: engines")
    generator = torch.Generator().manual_seed(0)
    potential = torch.randint(-500, 1000, STATES, generator=generator).float() * 64
    wanted, slopes = (torch.rand(STATES, generator=generator) for _ in range(2))
    none, neuron = torch.zeros(STATES[1:]), LIF(4096, 0, 500)
    arguments = (potential, STEPS, neuron, wanted, none, none)
    calls = {
        f"{name}, {kind}": partial(engine.go_back, *arguments, slopes=given)
        for name, engine in (("compiled", fused), ("reference", stepwise))
        for kind, given in (("given", slopes), ("triangular", None))
    }
    taken = in_turn({f"a layer back, {name}": call for name, call in calls.items()}, settings.repeats)
    given = taken["a layer back, compiled, given"].median
    against = ("reference, given", "compiled, triangular")
    return Outcome(
        "engines",
        figures=tuple(
            Figure(f"a layer back, {name} / compiled, given", taken[f"a layer back, {name}"].median / given)
            for name in against
        ),
        timings=taken,
    )
