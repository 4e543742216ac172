"""A window forward in exact integers, backward by a rule in place of the neurons' surrogate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from lavarobust.dynamics.lif import Trajectory, engine_of, trajectory_of
from lavarobust.dynamics.population import LIF, Outcome, State, make_window
from lavarobust.dynamics.recording import Recording
from lavarobust.dynamics.rules import WindowRule
from lavarobust.dynamics.sharpness import Recall
from lavarobust.dynamics.surrogate import Surrogate
from lavarobust.netx.limits import DECAY_UNITY


def integrate_by(
    rule: WindowRule,
    sums: torch.Tensor,
    steps: int,
    neuron: LIF,
    bias: torch.Tensor | None = None,
    recall: Recall | None = None,
) -> Trajectory:
    """Run spiking neurons over a window from rest, exactly, with a rule's backward.

    Args:
        rule: how gradients go back.
        sums, steps, neuron, bias: as :func:`lavarobust.dynamics.integrate` has them; the neuron's own
            surrogate is not used.
        recall: what a rule with statistics remembers of these samples; asked once, where gradients will
            be wanted.
    """
    if bias is None:
        bias = sums.new_zeros(())
    made: dict[str, Outcome] = {}
    spikes, current, potential = _IntegrateBy.apply(sums, bias, rule, steps, neuron, recall, made)
    return trajectory_of(spikes, State(current, potential), made["outcome"])


class _IntegrateBy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, sums, bias, rule, steps, neuron, recall, made):  # type: ignore[no-untyped-def]
        keep = any(ctx.needs_input_grad)
        rest = sums.new_zeros(sums.shape[1:])
        window = make_window(sums, bias, State(rest, rest), steps, neuron, keep)
        engine = engine_of(window)
        made["outcome"] = outcome = engine.run(window)
        if keep:
            seen = Recording(window, outcome)
            slopes = rule.slopes(seen, recall) / seen.unit
            ctx.save_for_backward(slopes, seen.potential if rule.carried else None)
            ctx.engine, ctx.rule, ctx.neuron = engine, rule, neuron
            ctx.frames, ctx.bias_shape, ctx.types = len(sums), bias.shape, (sums.dtype, bias.dtype)
        return outcome.spikes.to(sums.dtype), outcome.end.current, outcome.end.potential

    @staticmethod
    def backward(ctx, d_spikes, d_current, d_potential):  # type: ignore[no-untyped-def]
        slopes, potential = ctx.saved_tensors
        given = [tensor.float() for tensor in (d_spikes, d_current, d_potential)]
        if ctx.rule.averaged:
            given[0] = (given[0] * slopes).mean(0, keepdim=True).expand_as(given[0])
            slopes = torch.ones_like(slopes[:1])
        neuron = _passing(ctx.rule, ctx.neuron)
        # without carried potentials the engines ask for none: anything of their shape will do
        before = given[0] if potential is None else potential
        gradients = ctx.engine.go_back(before, ctx.frames, neuron, *given, slopes=slopes)
        d_bias = gradients.bias.sum_to_size(ctx.bias_shape)
        sums_type, bias_type = ctx.types
        return gradients.sums.to(sums_type), d_bias.to(bias_type), *[None] * 5


def _passing(rule: Any, neuron: LIF) -> LIF:
    """The neuron whose backward pass with given slopes is the rule's.

    Where no potential is carried that is one that forgets its own in every step, and of which no reset
    takes anything.
    """
    if rule.carried:
        return replace(neuron, surrogate=Surrogate(through_reset=rule.through_reset))
    return replace(neuron, voltage_decay=DECAY_UNITY, reset="soft", surrogate=Surrogate())
