from __future__ import annotations

import io
import json
import sys

import pytest

from lavarobust.cli.output import Progress, count, show_assumptions, show_table, write_json
from lavarobust.files import WriteError


def test_names_stand_left_and_figures_right(capsys):
    show_table(("layer", "spikes", "pJ"), [("1 conv", "1,234.5", ""), ("10 dense", "0.0", "7")])
    assert capsys.readouterr().out == (
        "  layer      spikes  pJ\n"
        "  1 conv    1,234.5\n"
        "  10 dense      0.0   7\n"
    )  # fmt: skip


def test_one_is_singular():
    assert [count(number, "image") for number in (0, 1, 2000)] == ["0 images", "1 image", "2,000 images"]


def test_assumptions_go_to_standard_error(capsys):
    show_assumptions(("assumed --steps 16",))
    assert capsys.readouterr() == ("", "note: assumed --steps 16\n")


def test_json_is_whole_or_not_there(tmp_path, capsys):
    write_json(None, {"a": 1})
    write_json(str(tmp_path / "a"), {"a": 1})
    assert json.loads((tmp_path / "a").read_text()) == {"a": 1}
    assert capsys.readouterr().out == f"wrote {tmp_path / 'a'}\n"
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(str(tmp_path / "b"), {"a": float("nan")})
    with pytest.raises(WriteError):
        write_json(str(tmp_path / "none" / "b"), {})
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (io.StringIO(), "PGD: 2/4\nPGD: 4/4\n"),
        (Terminal(), "\r\x1b[KPGD: 0/4\r\x1b[KPGD: 2/4\r\x1b[KPGD: 4/4\r\x1b[K"),
    ],
    ids=["pipe", "terminal"],
)
def test_progress_is_one_line_on_a_terminal_and_lines_in_a_pipe(monkeypatch, stream, text):
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress() as progress:
        for done in (0, 2, 4):
            progress("PGD", done, 4)
    assert stream.getvalue() == text
