"""Sigma-delta neurons by hand, at the edges of 32 bits, and beside Lava's own models."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lavarobust.compat import activate
from lavarobust.dynamics.sigma_delta import Neurons, States, Step, advance, at_rest

NO_BIAS = np.zeros((), dtype=np.int32)
HIGHEST, LOWEST = (1 << 31) - 1, -(1 << 31)


def integers(*values: int) -> np.ndarray:
    return np.array([values], dtype=np.int32)


def run(neurons: Neurons, *arriving: int) -> list[Step]:
    """One neuron from rest."""
    states, steps = at_rest((1, 1)), []
    for value in arriving:
        steps.append(advance(neurons, integers(value), states))
        states = steps[-1].after
    return steps


def sent(steps: list[Step]) -> list[int]:
    return [int(step.messages[0, 0]) for step in steps]


def test_an_encoder_sends_changes_from_its_threshold_on() -> None:
    # 5 is sent (5 >= 3); 7 is a change of 2, kept as a residue; 8 makes it 3, and goes; 0 is -8
    steps = run(Neurons("delta", 3 << 12, NO_BIAS), 5, 7, 8, 8, 0)
    assert sent(steps) == [5 << 6, 0, 3 << 6, 0, -8 << 6]
    assert [int(step.after.residue[0, 0]) for step in steps] == [0, 2 << 12, 0, 0, 0]
    assert not any(step.wrapped.any() or step.cut.any() for step in steps)


def test_an_encoder_loses_the_bits_it_shifts_out() -> None:
    steps = run(Neurons("delta", 0, NO_BIAS), (1 << 20) + 1, 1 << 19)
    # 2**20 is shifted out; 2**19 becomes -2**31, whose distance from 4096 wraps
    assert sent(steps) == [1 << 6, (HIGHEST - 4095) >> 6]
    assert [bool(step.cut.any()) for step in steps] == [True, True]
    assert [bool(step.wrapped.any()) for step in steps] == [False, True]


def test_a_sum_is_rectified_and_its_changes_are_sent() -> None:
    # activations 100, 0, 0, 163 (biased sums 100, -1, -101, 163)
    steps = run(Neurons("sigma_delta", 0, np.int32(30)), 70, -101, -100, 264)
    assert [int(step.after.total[0, 0]) for step in steps] == [70, -31, -131, 133]
    # changes 100, -100, 0, 163: a shift of 6 rounds down, and forgets
    assert sent(steps) == [1, -2, 0, 2]
    assert [int(step.after.residue[0, 0]) for step in steps] == [0, 0, 0, 0]


def test_what_is_below_the_threshold_adds_up() -> None:
    steps = run(Neurons("sigma_delta", 200, NO_BIAS), 100, 99, 1, 0)
    assert sent(steps) == [0, 0, 200 >> 6, 0]
    assert [int(step.after.residue[0, 0]) for step in steps] == [100, 199, 0, 0]


def test_a_sigma_sends_its_sum_in_every_step() -> None:
    steps = run(Neurons("sigma", 1 << 20, NO_BIAS), 5, 0, -7)
    assert sent(steps) == [5, 5, -2]


def test_states_wrap_and_say_so() -> None:
    steps = run(Neurons("sigma", 0, NO_BIAS), HIGHEST, 1)
    assert sent(steps) == [HIGHEST, LOWEST]
    assert [bool(step.wrapped.any()) for step in steps] == [False, True]
    biased = advance(Neurons("sigma_delta", 0, np.int32(1)), integers(HIGHEST), at_rest((1, 1)))
    assert biased.wrapped.all()
    assert int(biased.after.activation[0, 0]) == 0


@pytest.mark.parametrize("threshold", [0, 1])
def test_the_lowest_integer_is_its_own_magnitude(threshold: int) -> None:
    before = States(integers(0), integers(1 << 20), integers(LOWEST + (1 << 20)))
    step = advance(Neurons("sigma_delta", threshold, NO_BIAS), integers(-5), before)
    assert sent([step]) == [0]
    assert int(step.after.residue[0, 0]) == LOWEST


SHAPES = {
    "small": 1 << 14,
    "middling": 1 << 24,
    "whole": 1 << 31,
}


@pytest.mark.parametrize("reach", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("kind", ["delta", "sigma", "sigma_delta"])
def test_equal_to_lavas_models(kind: str, reach: int) -> None:
    activate()
    from lava.proc.sdn import models

    rng = np.random.default_rng(reach)
    size = (1, 500)
    neurons = Neurons(kind, int(rng.integers(0, reach)), _draw(rng, reach, size))  # type: ignore[arg-type]
    name = {
        "delta": "PyDeltaModelFixed",
        "sigma": "PySigmaModelFixed",
        "sigma_delta": "PySigmaDeltaModelFixed",
    }
    model = getattr(models, name[kind])({"act_mode": models.ActivationMode.RELU})
    exponent = np.array([6], dtype=np.int32)
    port, received = SimpleNamespace(), {}
    states = {
        "sigma": np.zeros(size, np.int32),
        "act": np.zeros(size, np.int32),
        "residue": np.zeros(size, np.int32),
        "error": np.zeros(size, np.int32),
        "vth": np.array([neurons.threshold], dtype=np.int32),
        "bias": neurons.bias,
        "spike_exp": exponent,
        "state_exp": exponent,
        "cum_error": np.zeros(1, dtype=bool),
    }
    for key, value in states.items():
        setattr(model, key, value)
    port.recv = lambda: received["now"]
    port.send = lambda data: received.update(sent=data)
    model.a_in = model.s_out = port
    ours = at_rest(size)
    for _ in range(12):
        received["now"] = _draw(rng, reach, size)
        model.run_spk()
        step = advance(neurons, received["now"], ours)
        ours = step.after
        assert np.array_equal(step.messages, received["sent"])
        if kind != "sigma":
            assert np.array_equal(ours.activation, model.act)
            assert np.array_equal(ours.residue, model.residue)
        if kind != "delta":
            assert np.array_equal(ours.total, model.sigma)


def _draw(rng: np.random.Generator, reach: int, size: tuple[int, ...]) -> np.ndarray:
    values: np.ndarray = rng.integers(-reach, reach, size).astype(np.int32)
    values[rng.random(size) < 0.3] = 0
    return values
