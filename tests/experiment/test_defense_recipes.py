from __future__ import annotations

import pytest

from lavarobust.defenses.rat import Lipschitz, Parseval
from lavarobust.defenses.sr import SparseGradients
from lavarobust.defenses.stog import StochasticGating
from lavarobust.errors import SettingsError
from lavarobust.experiment.builders import build_network, build_objective
from lavarobust.experiment.loading import load_recipe
from lavarobust.snn.gate import gates_of
from lavarobust.training.adversarial import AdversarialPGD
from lavarobust.training.objective import Vanilla


def test_stog_trains_gates_for_half_of_the_epochs_around_any_objective() -> None:
    recipe = load_recipe(
        "digits-adversarial", ["network.gate={}", "defense={kind: stog, gamma: 1e-4, parseval: 5e-4}"]
    )
    objective = build_objective(recipe)
    assert isinstance(objective, StochasticGating)
    assert (objective.gamma, objective.gate_epochs) == (1e-4, recipe.training.epochs // 2)
    assert isinstance(objective.objective, Parseval) and objective.objective.beta == 5e-4
    assert isinstance(objective.objective.objective, AdversarialPGD)


def test_the_penalty_of_rat_goes_with_any_objective() -> None:
    objective = build_objective(
        load_recipe("digits-adversarial", ["defense={kind: lipschitz, weight: 0.01}"])
    )
    assert isinstance(objective, Lipschitz) and objective.weight == 0.01


def test_rat_projects_behind_the_objective() -> None:
    objective = build_objective(load_recipe("digits-plain", ["defense={kind: rat}"]))
    assert objective == Parseval(Vanilla(), 0.004)


def test_gates_take_the_runs_seed_and_begin_where_the_recipe_says() -> None:
    recipe = load_recipe("digits-plain", ["seed=5", "network.gate={gradient: released, initial: 0.5}"])
    gates = gates_of(build_network(recipe, (1, 8, 8), 10))
    assert len(gates) == 2
    assert {(gate.options.seed, gate.options.gradient, gate.options.initial) for gate in gates} == {
        (5, "released", 0.5)
    }


def test_sr_is_beside_every_cross_entropy_and_no_other_objective() -> None:
    sr = "defense={kind: sr, weight: 0.01}"
    objective = build_objective(load_recipe("digits-adversarial", [sr]))
    assert isinstance(objective, SparseGradients) and (objective.weight, objective.step) == (0.01, 0.01)
    assert isinstance(objective.objective, AdversarialPGD)
    for kind in ("vanilla", "fgsm", "rfgsm", "rfgsm-normal", "gaussian"):
        section = f"{{kind: {kind}{'' if kind == 'vanilla' else ', epsilon: 0.1'}}}"
        build_objective(load_recipe("digits-plain", [f"training.objective={section}", sr]))
    with pytest.raises(SettingsError, match="defense sr with objective trades: the regulariser needs one"):
        load_recipe("digits-plain", ["training.objective={kind: trades, epsilon: 0.1}", sr])


def test_stog_without_gates_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"defense stog: the network has no gates\. Allowed"):
        load_recipe("digits-plain", ["defense={kind: stog}"])


def test_gates_can_be_replaced_only_where_there_are_some() -> None:
    assert load_recipe("digits-stog", ["export.gates=thinned"]).export.gates == "thinned"
    with pytest.raises(SettingsError, match=r"export\.gates thinned: the network has no gates"):
        load_recipe("digits-plain", ["export.gates=thinned"])
