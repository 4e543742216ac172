"""Real processes: each takes seconds to load what it needs, so these tests share theirs where they can."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tiny_runs import TINY

from lavarobust.errors import SettingsError
from lavarobust.experiment.loading import load_recipe
from lavarobust.experiment.sweep.pool import Job, last_line, run_jobs
from lavarobust.experiment.sweep.unit import Unit
from lavarobust.experiment.sweep.work import run_unit

UNIT = Unit("row", load_recipe("digits-plain", [*TINY, "data.limit=24"]), images=9, on_lava=0)
MISSING = replace(UNIT, row="missing", recipe=load_recipe("digits-plain", [*TINY, "data.name=nowhere"]))


class Watcher:
    """Remembers who began and ended, and whether the run was exported at that time."""

    def __init__(self):
        self.events, self.most = [], 0

    def planned(self, jobs):
        assert self.events == []
        self.jobs = jobs

    def started(self, job):
        exported = (job.run_folder / "export.json").is_file()
        self.events.append(("started", job.unit.row, job.unit.shard, exported))

    def ended(self, job, failure, seconds):
        assert seconds > 0
        self.events.append(("ended", job.unit.row, job.unit.shard, failure))

    def running(self, jobs):
        self.most = max(self.most, len(jobs))


def job(unit, folder):
    names = (folder / f"{unit.name}.{suffix}" for suffix in ("json", "log", "result"))
    file, log, result = names
    return Job(unit, file, folder / "runs", log, result)


@pytest.fixture(scope="module")
def worked_off(tmp_path_factory):
    """A unit that fails and two shards of one run, by two workers."""
    folder = tmp_path_factory.mktemp("pool")
    jobs = [
        job(unit, folder) for unit in (MISSING, replace(UNIT, shards=2), replace(UNIT, shard=1, shards=2))
    ]
    watcher = Watcher()
    return jobs, watcher, run_jobs(jobs, 2, watcher)


def test_a_unit_that_fails_is_reported_with_its_log_and_stops_no_other(worked_off):
    jobs, _, failures = worked_off
    [failure] = failures
    assert (failure.unit, failure.log) == (MISSING, jobs[0].log)
    assert failure.reason.startswith("error: nowhere: no such data set")
    assert failure.reason in failure.log.read_text()
    assert [each.result.is_file() for each in jobs] == [False, True, True]


def test_shards_wait_until_their_run_is_exported(worked_off):
    jobs, watcher, failures = worked_off
    began = [event for event in watcher.events if event[0] == "started"]
    assert began[:2] == [("started", "missing", 0, False), ("started", "row", 0, False)]
    assert began[2] == ("started", "row", 1, True)
    assert watcher.most == 2 and watcher.jobs == jobs
    ends = {event[1:3]: event[3] for event in watcher.events if event[0] == "ended"}
    assert ends == {("missing", 0): failures[0], ("row", 0): None, ("row", 1): None}


def test_what_a_process_came_to_is_what_the_call_comes_to(worked_off):
    jobs, *_ = worked_off
    for each in jobs[1:]:
        there = json.loads(each.result.read_text())
        here = run_unit(each.unit.as_dict(), each.runs)
        assert there["counts"] == here["counts"] and there["unit"] == here["unit"]


def test_no_worker_can_do_nothing(tmp_path):
    with pytest.raises(SettingsError, match="at least one process"):
        run_jobs([job(UNIT, tmp_path)], 0, Watcher())
    assert run_jobs([], 1, Watcher()) == ()


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a\nb\n\n  \n", "b"), (b"10%|#\r20%|##\r", "20%|##"), (b"", ""), (b"\xff" * 9000 + b"\nend", "end")],
)
def test_the_last_line_of_a_log(tmp_path, content, line):
    (tmp_path / "log").write_bytes(content)
    assert last_line(tmp_path / "log") == line
    assert last_line(tmp_path / "missing") == ""
