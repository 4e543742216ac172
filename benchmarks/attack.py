"""What an attack asks of a deployed model: its gradient, beside stock SLAYER blocks', and its scores.

The network, the samples, the surrogate's shape and the loss are the same on both sides, every sample is
asked about and none is done early. Scores are asked of the simulator; beside it stand those that a gradient
step makes on its way, of all samples and of few that lie scattered, as towards an attack's end.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.inputs import digits
from benchmarks.measure import in_turn
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say
from lavarobust.attacks import IntegerVictim
from lavarobust.dynamics import Surrogate
from lavarobust.execution.simulator import Stage, compile_model
from lavarobust.netx import Conv, Deployment, Encoding, Model
from lavarobust.snn.architecture import parse_layers
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork

# the import of lavarobust.snn has prepared these
from lava.lib.dl import slayer  # isort: skip
from lava.lib.dl.slayer.neuron.cuba import SCALE_RHO_MULT, TAU_RHO_MULT  # isort: skip

LAYERS = ("conv 12 5 2", "conv 24 3 2", "dense 10")
NETWORK = "28x28 conv12-conv24-10"
STEPS, LEVELS = 8, 16
BATCHES = (64, 256)
"""Samples of a step, which is also the height of the victim's chunks."""

FEW = 20
"""Samples left, of a thousand."""

BAR = 6.0
WIDTH = 0.5
"""Of SLAYER's exponential surrogate, in thresholds."""

WEIGHT_UNIT = 64
"""Integer units of a stock block's weight or threshold of 1."""


def deployed() -> tuple[Model, Deployment]:
    """The network with random weights, and how it is run: a held image, spikes counted."""
    encoding, generator = Encoding("direct", LEVELS), torch.Generator().manual_seed(0)
    network = SpikingNetwork(
        parse_layers(LAYERS), (1, 28, 28), STEPS, encoding, "spike_count", Surrogate(), generator
    )
    return to_model(network, NETWORK), Deployment(STEPS, encoding, "spike_count", (1, 28, 28))


def stock_blocks(stages: tuple[Stage, ...]) -> list[torch.nn.Module]:
    """The same layers as ``slayer.block.cuba`` ones, their weights being constants of the attack."""
    blocks = []
    for stage in stages:
        assert stage.synapse is not None and stage.bias is None and stage.synapse.shift == 0
        weight, threshold = stage.synapse.weight.float() / WEIGHT_UNIT, stage.neuron.threshold / WEIGHT_UNIT
        neuron = {
            "threshold": threshold,
            "current_decay": float(stage.neuron.current_decay) / 4096,
            "voltage_decay": float(stage.neuron.voltage_decay) / 4096,
            "tau_grad": WIDTH * threshold / TAU_RHO_MULT,
            "scale_grad": 1 / SCALE_RHO_MULT,
        }
        outputs, inputs = weight.shape[:2]
        if isinstance(stage.layer, Conv):
            layer, sides = stage.layer, tuple(weight.shape[2:])
            block = slayer.block.cuba.Conv(
                neuron, inputs, outputs, sides, layer.stride, layer.padding, delay_shift=False
            )
        else:
            block = slayer.block.cuba.Dense(neuron, inputs, outputs, delay_shift=False)
        with torch.no_grad():
            block.synapse.weight.copy_(weight.view(block.synapse.weight.shape))
        blocks.append(block.requires_grad_(False))
    return blocks


def stock_step(
    blocks: list[torch.nn.Module], images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Spikes counted ``(N, 10)`` and the gradient of the cross-entropy with respect to the pixels."""
    pixels = torch.from_numpy(images).requires_grad_()
    levels = pixels * LEVELS
    sent = levels + (levels.round() - levels).detach()
    frames = F.pad(sent.unsqueeze(-1), (0, STEPS - 1))
    for block in blocks[:-1]:
        frames = block(frames)
    counts = blocks[-1](frames.flatten(1, 3)).sum(-1)
    loss = F.cross_entropy(counts / STEPS, torch.from_numpy(labels), reduction="sum")
    (gradient,) = torch.autograd.grad(loss, pixels)
    return counts.detach().numpy(), gradient.numpy()


def benchmark(settings: Settings) -> Outcome:
    """How many times faster a gradient step is than stock blocks', and scores than those of a gradient."""
    parts = [_gradients(settings, batch) for batch in BATCHES]
    return together(f"An attack on {NETWORK}, T={STEPS}", [*parts, _scores(settings)])


def _gradients(settings: Settings, batch: int) -> Outcome:
    name = f"gradient of {batch}"
    say(f"attack: {name}")
    model, deployment = deployed()
    images, inputs = digits(settings.data, batch)
    indices = np.arange(batch)
    labels = indices % 10
    victim = IntegerVictim(
        model, deployment, Surrogate("exponential", WIDTH), batch, threads=torch.get_num_threads()
    )
    stock = partial(stock_step, stock_blocks(compile_model(model)), images, labels)
    ours = partial(victim.logits_and_gradient, images, labels, indices)
    # less than half a unit is taken off each score to break ties
    same = np.array_equal(np.ceil(ours()[0] * victim.score_unit), stock()[0])
    taken = in_turn({f"{name}, stock": stock, f"{name}, our": ours}, settings.repeats)
    slow, fast = taken.values()
    return Outcome(
        name,
        figures=(
            Figure(f"{name}, faster than stock blocks", slow.median / fast.median, bar=BAR),
            Figure(f"{name}, lowest to lowest", slow.lowest / fast.lowest),
        ),
        timings=taken,
        notes=(f"{inputs}; {name}: stock {slow.median:.3g} ms, ours {fast.median:.3g} ms",),
        failures=() if same else (f"{name}: scores differ from stock blocks'",),
    )


def _scores(settings: Settings) -> Outcome:
    say("attack: scores")
    model, deployment = deployed()
    images, _ = digits(settings.data, 1000)
    victim = IntegerVictim(model, deployment, threads=torch.get_num_threads())
    scattered = np.sort(np.random.default_rng(0).choice(1000, FEW, replace=False))
    figures, timings, notes, failures = [], {}, [], []
    for name, chosen in (("all of 1000", np.arange(1000)), (f"{FEW} of 1000", scattered)):
        given = images[chosen], chosen
        calls = {
            "alone": partial(victim.logits, *given),
            "with gradients": partial(victim.logits_and_gradient, given[0], chosen % 10, chosen),
        }
        alone, (beside, _) = calls["alone"](), calls["with gradients"]()
        if alone.tobytes() != beside.tobytes():
            failures.append(f"scores of {name}: they differ from those with gradients")
        taken = in_turn({f"scores of {name}, {way}": call for way, call in calls.items()}, settings.repeats)
        one, other = (timing.median for timing in taken.values())
        figures.append(Figure(f"scores of {name}, faster alone than with gradients", other / one))
        notes.append(f"scores of {name}: {1e3 * len(chosen) / one:,.0f} a second alone")
        timings |= taken
    return Outcome("scores", tuple(figures), timings, tuple(notes), tuple(failures))
