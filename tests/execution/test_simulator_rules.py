"""Whole models under every gradient rule: the same integers forward, and what can't go back is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from extended_models import gated, softened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.parity import convolutional, dense, residual
from lavarobust.draws import Keys
from lavarobust.dynamics import (
    AdaptiveSharpness,
    Analog,
    Averaged,
    PotentialDependent,
    RateGradient,
    RateMask,
    Surrogate,
    fused,
    straight_through,
)
from lavarobust.errors import BackendError
from lavarobust.execution.simulator import compile_model, propagate
from lavarobust.netx.deployment import Deployment, Encoding
from lavarobust.netx.model import READOUT, Dense, GradedSum, Input, Model, Neuron, Shortcut

WINDOW_RULES = [
    RateMask(),
    RateGradient(),
    Averaged(),
    PotentialDependent(),
    PotentialDependent(through_reset=True),
    AdaptiveSharpness(),
]


@pytest.mark.parametrize("make", [convolutional, dense, residual])
@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
def test_the_forward_pass_is_the_same_bytes_under_every_rule(make, seed) -> None:
    model, stimulus, _ = make.random_model(np.random.default_rng(seed))
    frames = torch.from_numpy(np.moveaxis(stimulus.frames, -1, 0).astype(np.float64))
    recurrent = any(isinstance(layer, Dense) and layer.recurrent_weight is not None for layer in model.layers)
    try:
        plain = list(propagate(compile_model(model), frames, stimulus.steps, stimulus.gate_keys))
    except BackendError as error:
        assert "32 bits" in str(error)
        return
    for rule in [straight_through()] if recurrent else [straight_through(), *WINDOW_RULES]:
        arriving = frames.clone().requires_grad_()
        runs = propagate(compile_model(model, rule), arriving, stimulus.steps, stimulus.gate_keys)
        for one, other in zip(plain, runs, strict=True):
            assert torch.equal(one.trajectory.spikes, other.trajectory.spikes.detach())
            assert torch.equal(one.trajectory.end.potential, other.trajectory.end.potential.detach())
            assert torch.equal(one.trajectory.clips, other.trajectory.clips)
        if other.trajectory.end.potential.requires_grad:  # delays may leave nothing within the window
            other.trajectory.end.potential.sum().backward()
            # through the reset of a potential far beyond its threshold, gradients grow from step to step
            assert getattr(rule, "through_reset", False) or arriving.grad.isfinite().all()


@pytest.mark.parametrize("rule", WINDOW_RULES)
@pytest.mark.parametrize("change", [lambda model: model, softened, lambda model: gated(model, 1, 2, 4)])
def test_every_kind_of_layer_passes_gradients_back(conv_model, rng, rule, change) -> None:
    values = torch.from_numpy(rng.integers(-9, 17, (3, 4, 2, 7, 7)).astype(np.float32)).requires_grad_()
    *_, last = propagate(compile_model(change(conv_model), rule), values, 6, Keys(np.arange(4)))
    (gradient,) = torch.autograd.grad(last.trajectory.end.potential.sum(), values)
    assert gradient.isfinite().all() and gradient.any()


@pytest.mark.parametrize("rule", WINDOW_RULES)
def test_both_engines_give_the_same_gradients(conv_model, rng, rule, monkeypatch) -> None:
    values = torch.from_numpy(rng.integers(-9, 17, (3, 4, 2, 7, 7)).astype(np.float32)).requires_grad_()

    def gradient() -> torch.Tensor:
        *_, last = propagate(compile_model(conv_model, rule), values, 6)
        return torch.autograd.grad(last.trajectory.end.potential.sum(), values)[0]

    compiled = gradient()
    asked = []
    monkeypatch.setattr(fused, "trusted", lambda: asked.append(1) is not None)
    torch.testing.assert_close(gradient(), compiled, rtol=1e-4, atol=1e-5 * float(compiled.abs().max()))
    assert asked


@pytest.mark.parametrize("rule", WINDOW_RULES)
def test_recurrent_layers_are_refused_by_name_and_delayed_ones_are_not(recurrent_model, rng, rule) -> None:
    with pytest.raises(BackendError, match=rf"1 dense is recurrent.*{type(rule).__name__}"):
        compile_model(recurrent_model, rule)
    delayed = replace(recurrent_model, layers=recurrent_model.layers[:1])
    values = torch.from_numpy(rng.integers(0, 2, (10, 3, 5)).astype(np.float32)).requires_grad_()
    *_, last = propagate(compile_model(delayed, rule), values, 10)
    (gradient,) = torch.autograd.grad(last.trajectory.spikes.sum(), values)
    # two neurons hear all of their inputs at once, none later than five steps after
    assert gradient[4].any() and gradient[0].any()


def test_an_input_population_takes_its_gradient_from_its_bias() -> None:
    """A frame of 3 is 3 / 2 of the threshold in each of two steps: both spike, dspike/dframe = 1/2."""
    model = Model((Input((1,), Neuron(4096, 4096, 2), 1),), (1,))
    frames = torch.full((1, 1, 1), 3.0, requires_grad=True)
    [run] = propagate(compile_model(model, RateMask()), frames, 2)
    assert run.trajectory.spikes.sum() == 2
    (gradient,) = torch.autograd.grad(run.trajectory.spikes.sum(), frames)
    assert gradient.item() == 2 * 0.5


def test_a_shortcut_counts_for_what_it_adds() -> None:
    """Thresholds of 4 and 2: through the spiking layer a pixel adds 8 / 4 * 6, past it 10, over 2 in all."""
    first = Dense(np.array([[2]], dtype=np.int32), GradedSum(0))
    spiking = Dense(np.array([[8]], dtype=np.int32), Neuron(4096, 0, 4))
    join = Dense(
        np.array([[6]], dtype=np.int32),
        Neuron(4096, 0, 2),
        shortcuts=(Shortcut(0, np.array([[10]], np.int32)),),
    )
    frames = torch.ones(1, 1, 1, requires_grad=True)
    *_, last = propagate(compile_model(Model((first, spiking, join), (1,)), RateMask()), frames, 1)
    (gradient,) = torch.autograd.grad(last.trajectory.spikes.sum(), frames)
    assert gradient.item() == 2 * (8 / 4 * 6 + 10) / 2


def test_a_readout_is_exact_under_every_rule() -> None:
    model = Model((Dense(np.array([[3, -5]], dtype=np.int32), READOUT),), (2,))
    for rule in (Surrogate(), *WINDOW_RULES):
        frames = torch.ones(2, 1, 2, requires_grad=True)
        [run] = propagate(compile_model(model, rule), frames, 3)
        (gradient,) = torch.autograd.grad(run.trajectory.end.potential.sum(), frames)
        assert gradient.flatten().tolist() == [192, -320] * 2


def test_the_unit_of_a_rate_curve_is_the_deployments(conv_model) -> None:
    thresholds = (0.5, 1.0, 2.0, 1.0)
    deployment = Deployment(6, Encoding("direct", 16), "membrane", (2, 7, 7), thresholds=thresholds)
    stages = compile_model(replace(conv_model, deployment=deployment), RateGradient(0.3))
    assert [stage.rule for stage in stages] == [*map(RateGradient, (0.15, 0.3, 0.6)), None]


def test_the_twin_is_no_way_back(conv_model) -> None:
    with pytest.raises(BackendError, match="analog_scores"):
        compile_model(conv_model, Analog())
