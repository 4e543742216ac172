from __future__ import annotations

import pytest
import torch

from benchmarks import periods


@pytest.mark.parametrize(("side", "updates"), [("traditional", 1), ("HIRE-SNN", 2)])
def test_both_sides_train_as_the_loop_does(side, updates, monkeypatch):
    counted = []
    step = torch.optim.Adam.step

    def counting(self, *arguments):
        before = [parameter.detach().clone() for parameter in self.param_groups[0]["params"]]
        step(self, *arguments)
        after = self.param_groups[0]["params"]
        counted.append(any(not torch.equal(*pair) for pair in zip(before, after, strict=True)))

    train = periods.train_batch(side, 6)
    monkeypatch.setattr(torch.optim.Adam, "step", counting)
    train()
    assert counted == [True] * updates
