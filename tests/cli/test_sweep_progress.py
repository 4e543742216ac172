"""What a terminal and a pipe show of a sweep."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from rich.live import Live
from sweep_results import unit

from lavarobust.cli.sweep_progress import Lines, Shown, watcher
from lavarobust.experiment.sweep.pool import Failure, Job, Silent

LONG = "error: " + "a path that is long " * 12 + "[1/2]"


def jobs(folder):
    units = (unit("AT [bold]"), unit("AT [bold]", 1, shard=1, shards=3))
    return [Job(each, Path("u"), Path("r"), folder / f"{each.name}.log", Path("x")) for each in units]


def told(watching, both):
    first, second = both
    watching.planned(both)
    watching.started(first)
    watching.started(second)
    first.log.write_text("epoch 1/2: loss [2.3]\nepoch 2/2: loss [2.1]\n")
    watching.running(both)
    watching.ended(first, None, 65.2)
    watching.ended(second, Failure(second.unit, LONG, second.log), 3)


def test_a_pipe_gets_a_line_per_event_whole_and_without_markup(tmp_path):
    both, stream = jobs(tmp_path), io.StringIO()
    told(Lines(Console(file=stream, highlight=False, width=80)), both)
    assert stream.getvalue().splitlines() == [
        "-- AT [bold], seed 0: started",
        "-- AT [bold], seed 1, shard 2 of 3: started",
        "-- AT [bold], seed 0 (1 of 2): done in 65 s",
        f"-- AT [bold], seed 1, shard 2 of 3 (2 of 2): failed after 3 s: {LONG} (log: {both[1].log})",
    ]


def test_a_terminal_shows_what_each_unit_is_at(tmp_path):
    stream = io.StringIO()
    console = Console(file=stream, highlight=False, width=100, force_terminal=True, color_system=None)
    with Live(console=console, auto_refresh=False) as live:
        watching = Shown(console, live)
        told(watching, jobs(tmp_path))
        live.refresh()
    text = stream.getvalue()
    assert "AT [bold], seed 0" in text and "epoch 2/2: loss [2.1]" in text and "epoch 1/2" not in text
    assert "AT [bold], seed 1, shard 2 of 3" in text and "0 of 2 units" in text
    assert "-- AT [bold], seed 0 (1 of 2): done in 65 s" in text and "started" not in text


@pytest.mark.parametrize(("quiet", "kind"), [(True, Silent), (False, Lines)])
def test_quiet_says_nothing(quiet, kind, capsys):
    with watcher(quiet) as watching:
        assert type(watching) is kind
    assert capsys.readouterr() == ("", "")
