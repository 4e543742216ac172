"""Our rules against the counters they are named after: the same integers, the same recorded spikes."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

import numpy as np
import pytest
from counted_networks import INPUTS, SAMPLES, Counted, Fed, counted
from random_networks import simulate
from torch import nn

from lavarobust.encoding import encode
from lavarobust.energy import RULES
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import prepare
from lavarobust.experiment.shipped import shipped_models

HOW = "compared with the counter itself where it is: pip install --no-deps -r requirements/counters.txt"


def ours(case: Counted, rule: str) -> list[tuple[float, float]]:
    """Accumulates and multiply-accumulates of each sample."""
    accumulates, multiply_accumulates = np.zeros(SAMPLES), np.zeros(SAMPLES)
    for row in RULES[rule](case.ledger):
        (accumulates if row.term == "accumulate" else multiply_accumulates)[:] += row.count
    return list(zip(accumulates.tolist(), multiply_accumulates.tolist(), strict=True))


def neurobenchs(case: Counted) -> list[tuple[float, float]]:
    """Effective_ACs and Effective_MACs of each sample, as NeuroBench finds them in the deployed network."""
    pytest.importorskip("neurobench", reason=HOW)
    models = importlib.import_module("neurobench.models")
    workload = importlib.import_module("neurobench.metrics.workload")
    model = models.TorchModel(Fed(case.model))
    found = []
    for sample in range(SAMPLES):
        model.register_hooks()
        for arriving in case.arriving(sample):
            model(arriving)
        operations = workload.SynapticOperations()(model, None, (arriving[0], None))
        found.append((operations["Effective_ACs"], operations["Effective_MACs"]))
        model.cleanup_hooks()
    return found


@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize("kind", INPUTS)
def test_neurobench(kind: str, pool: int) -> None:
    """Also where a kernel holds a pool: the numbers are ours, exactly."""
    case = counted(kind, pool)
    theirs = neurobenchs(case)
    assert theirs == ours(case, "neurobench")
    assert all(accumulates > 0 for accumulates, _ in theirs)
    assert all((multiply > 0) == kind.startswith("graded") for _, multiply in theirs)


@pytest.mark.parametrize("name", shipped_models())
def test_neurobench_on_the_models_that_travel_with_the_package(name: str) -> None:
    prepared = prepare(name, DataChoice(limit=SAMPLES))
    plan, part = prepared.plan, prepared.chosen.images
    stimulus = encode(plan.encoding, part.images, plan.steps, part.indices)
    case = Counted(prepared.model, stimulus, simulate(prepared.model, stimulus, plan.readout))
    assert neurobenchs(case) == ours(case, "neurobench")


@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize("kind", INPUTS)
def test_spikingjelly(kind: str, pool: int) -> None:
    """The network as trained, pool in front of the kernel."""
    name = "spikingjelly.activation_based.op_counter"
    counters = pytest.importorskip(name, reason=f"{HOW} (Python 3.11 or later)")
    case = counted(kind, pool)
    network = Fed(case.model, (1, pool, 1, 1))
    theirs = []
    for sample in range(SAMPLES):
        both = [counters.ACCounter(), counters.MACCounter()]
        with counters.DispatchCounterMode(both):
            for arriving in case.arriving(sample):
                network(arriving)
        theirs.append(tuple(float(counter.get_total()) for counter in both))
    assert theirs == ours(case, "spikingjelly")


@pytest.mark.parametrize("pool", [1, 2])
@pytest.mark.parametrize("kind", INPUTS)
def test_syops(kind: str, pool: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own hooks on convolutions, dense layers and pools, whose rates are float32.

    A network so busy that no step's pool sends one value only: those syops-counter takes for spikes.
    """
    hooks = syops_hooks(monkeypatch)
    case = counted(kind, pool, threshold=2)
    network = Fed(case.model, (1, pool, 1, 1))
    watched = [module for module in network.modules() if type(module) in hooks]
    assert {type(module) for module in watched} >= {nn.Conv2d, nn.Linear}
    for module in watched:
        module.register_forward_hook(hooks[type(module)])
    for sample in range(SAMPLES):
        for module in watched:
            module.__syops__ = 4 * [0.0]
        for arriving in case.arriving(sample):
            network(arriving)
        theirs = tuple(sum(module.__syops__[place] for module in watched) for place in (1, 2))
        assert theirs == pytest.approx(ours(case, "syops")[sample], rel=1e-6)


def syops_hooks(monkeypatch: pytest.MonkeyPatch) -> dict:
    """What syops-counter hangs on each kind of module.

    It imports neurons by the names that spikingjelly had before 1.0, and only to recognise them: empty
    classes of these names do.
    """
    pytest.importorskip("progress", reason=HOW)
    names = ("IFNode", "LIFNode", "ParametricLIFNode")
    classes = {name: type(name, (nn.Module,), {}) for short in names for name in (short, f"MultiStep{short}")}
    package, old = ModuleType("spikingjelly.clock_driven"), ModuleType("spikingjelly.clock_driven.neuron")
    vars(old).update(classes)
    vars(package).update(neuron=old, surrogate=None, functional=None)
    for module in (ModuleType("spikingjelly"), package, old):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "syops", raising=False)
    return pytest.importorskip("syops.ops", reason=HOW).MODULES_MAPPING


def test_neurobench_on_the_pool_itself_multiplies() -> None:
    """What the docstrings say of pools: in front of the kernel, NeuroBench counts values and no spikes."""
    pytest.importorskip("neurobench", reason=HOW)
    layers = importlib.import_module("neurobench.metrics.utils.layers")
    case = counted("spikes", pool=2)
    pooled = Fed(case.model, (1, 2, 1, 1)).layers[1]
    spikes = next(arriving[1] for arriving in case.arriving(0) if arriving[1].any())
    operations, spiking = layers.single_layer_MACs(pooled[0](spikes), pooled[1])
    assert operations > 0 and not spiking
