from __future__ import annotations

from benchmarks import sparsity
from lavarobust.attacks.sparsity import GradientSparsity, RandomGap
from lavarobust.experiment.sparsity import SparsityReport


def test_a_row_for_every_epsilon(monkeypatch, capsys):
    gradients = GradientSparsity(samples=8, pixels=64, l0=31.25, l1=0.5, vanished=0)
    gaps = (RandomGap(0.05, 1.0, 0.75), RandomGap(0.1, 0.875, 0.25))
    asked = []

    def measured(*request):
        asked.append(request)
        return SparsityReport("a", gradients, gaps)

    monkeypatch.setattr(sparsity, "measure_sparsity", measured)
    sparsity.main(["runs/a", "--limit", "8"])
    lines = capsys.readouterr().out.splitlines()
    assert [request[1:] for request in asked] == [(None, 8)]
    assert lines[2:] == [
        "| a | 8 | 31.2 | 64 | 0.500 | 0.05 | 100.0 | 75.0 | 25.0 |",
        "| a | 8 | 31.2 | 64 | 0.500 | 0.1 | 87.5 | 25.0 | 62.5 |",
    ]
