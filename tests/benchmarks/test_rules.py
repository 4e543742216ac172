from __future__ import annotations

from dataclasses import replace

from benchmarks.rules import MAKERS, RULES, gradients
from benchmarks.settings import Settings


def test_every_rule_is_timed_on_a_gradient_of_its_own():
    case = MAKERS["digits"](Settings())
    answers = {name: call() for name, call in gradients(replace(case, images=case.images[:5])).items()}
    assert set(answers) == set(RULES) and case.deployment.steps == 8
    assert len({logits.tobytes() for logits, _ in answers.values()}) == 1
    assert len({gradient.tobytes() for _, gradient in answers.values()}) == len(RULES)
    assert all(gradient.any(axis=(1, 2, 3)).all() for _, gradient in answers.values())
