"""The suite ``standard``, whose package draws for whole batches: what its results may not depend on."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lavarobust.attacks import IntegerVictim, ThreatModel, autoattack
from lavarobust.attacks.campaign import Target
from lavarobust.attacks.samples import Samples
from lavarobust.attacks.suites import standard
from lavarobust.dynamics import Surrogate
from lavarobust.execution import backend
from lavarobust.experiment import suite_run
from lavarobust.experiment.inputs import DataChoice
from lavarobust.experiment.run import prepare
from lavarobust.experiment.suite_run import Evaluation, attack_block, evaluate_suite

package = pytest.importorskip("pyautoattack", reason="the extra autoattack is not installed")

BRIEF = ThreatModel(0.1)
"""At which some samples fall to the first attack, some to a later one, and some to none."""

AT_ONCE = ThreatModel(0.3)
"""At which all fall to the first attack."""


@dataclass(frozen=True, eq=False)
class Divided(Target):
    """Its victims work in chunks of so many samples."""

    chunk: int = 64

    def victim(self, rule=None):
        return IntegerVictim(self.model, self.deployment, rule or Surrogate(), self.chunk)


def _asked(limit: int, chunk: int = 64) -> tuple[Divided, Samples]:
    prepared = prepare("digits-plain", DataChoice(limit=limit))
    part = prepared.chosen.images
    target = Divided(prepared.model, prepared.plan.as_deployment(prepared.model), chunk=chunk)
    return target, Samples(part.images.astype(np.float32), part.labels, part.indices)


def _found(standing) -> tuple[bytes, ...]:
    return tuple(getattr(standing, name).tobytes() for name in ("images", "margin", "decided"))


@pytest.fixture
def few_iterations(monkeypatch):
    """The package itself, with its attacks cut short."""

    def cut_short(*arguments, **options):
        ensemble = package.AutoAttack(*arguments, **options)
        for part in (ensemble.apgd, ensemble.apgd_targeted, ensemble.fab):
            part.n_iter = 5
        ensemble.square.n_queries = 60
        return ensemble

    here = SimpleNamespace(AutoAttack=cut_short)
    monkeypatch.setattr(autoattack, "optional_module", lambda *names: here)


def test_chunks_of_a_victim_change_no_byte(few_iterations):
    whole = attack_block(*_block(_asked(24)), None, lambda progress: None)
    assert 3 < (whole.decided == 0).sum() < 21
    for chunk in (7, 30):
        other = attack_block(*_block(_asked(24, chunk)), None, lambda progress: None)
        assert _found(other) == _found(whole)


def _block(asked):
    target, samples = asked
    return target, standard(), samples, BRIEF


def test_a_stop_between_its_attacks_changes_no_byte(few_iterations, tmp_path, monkeypatch):
    whole = attack_block(*_block(_asked(24)), None, lambda progress: None)
    made, original = [], autoattack._found

    def stopping(ensemble, attack, here, threat):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(attack)
        return original(ensemble, attack, here, threat)

    file = tmp_path / "block.npz"
    monkeypatch.setattr(autoattack, "_found", stopping)
    with pytest.raises(KeyboardInterrupt):
        attack_block(*_block(_asked(24)), file, lambda progress: None)
    monkeypatch.setattr(autoattack, "_found", original)
    assert made == ["apgd-ce", "apgd-t"] and file.is_file()
    with torch.random.fork_rng():
        torch.manual_seed(5)  # as another process would have it
        again = attack_block(*_block(_asked(24)), file, lambda progress: None)
    assert _found(again) == _found(whole)


def test_workers_change_no_byte_and_the_samples_beside_do(monkeypatch):
    monkeypatch.setattr(suite_run, "_diagnosed", lambda *_: [SimpleNamespace(unreliable=False)])
    prepared = prepare("digits-plain", DataChoice(limit=6))
    target, samples = _asked(6)
    target = Target(target.model, target.deployment)

    def images(block, workers):
        monkeypatch.setattr(suite_run, "BLOCK", block)
        asked = Evaluation(target, prepared.plan, standard(), samples, backend("simulator"))
        [result] = evaluate_suite(asked, [AT_ONCE], workers)
        assert not result.robust.count
        return result.images.tobytes()

    assert images(3, workers=2) == images(3, workers=1) != images(6, workers=1)
