from __future__ import annotations

import sys

import pytest

from lavarobust.reporting.embed import DEMO, SHOWN, SHOWN_OF_SWEEPS, EmbedError, embed, main, markers

BEGIN, END = markers(DEMO)

SHOWN_TABLES = "\n\n".join(f"### {title}\n\n| a |\n|---|\n| 1 % |" for title in SHOWN)
REPORT = (
    "# Report: two models\n\n### Key figures\n\n| no |\n\n## Accuracy and robustness\n\n"
    f"{SHOWN_TABLES}\n\n### Energy under attack\n\n| no |\n\n### Files\n\n- `x/model.net`\n"
)
TEXT = f"before\n{BEGIN}\nold figures\n{END}\nafter\n"


def test_tables_stand_between_the_markers_and_files_do_not():
    assert embed(REPORT, TEXT) == f"before\n{BEGIN}\n{SHOWN_TABLES}\n{END}\nafter\n"


def test_a_report_without_its_tables_is_refused():
    with pytest.raises(EmbedError, match="no table 'Work per image'"):
        embed(REPORT.replace("### Work per image\n", "### Work\n"), TEXT)


def test_a_sweeps_tables_stand_between_markers_of_its_own():
    begin, end = markers("mnist")
    text = f"{TEXT}{begin}\nold\n{end}\n"
    sweep = "# Sweep mnist\n\n### Accuracy (%)\n\n| b |\n"
    assert embed(sweep, text, "mnist") == f"{TEXT}{begin}\n### Accuracy (%)\n\n| b |\n{end}\n"


def test_of_a_sweep_with_a_choice_of_tables_the_others_stay_in_its_folder():
    begin, end = markers("hire-energy")
    titles = SHOWN_OF_SWEEPS["hire-energy"]
    tables = "\n\n".join(f"### {title}\n\n| 1 |" for title in titles)
    sweep = f"# Sweep hire-energy\n\n### Accuracy (%)\n\n| b |\n\n{tables}\n"
    assert embed(sweep, f"{begin}\nold\n{end}\n", "hire-energy") == f"{begin}\n{tables}\n{end}\n"
    with pytest.raises(EmbedError, match=f"no table '{titles[0]}'"):
        embed(sweep.replace(f"### {titles[0]}\n", ""), f"{begin}\n{end}\n", "hire-energy")


def test_it_can_be_done_again():
    assert embed(REPORT, embed(REPORT, TEXT)) == embed(REPORT, TEXT)


@pytest.mark.parametrize("text", ["no markers", f"{END}\n{BEGIN}", f"{BEGIN}", f"{TEXT}{TEXT}"])
def test_a_text_without_its_markers_is_refused(text):
    with pytest.raises(EmbedError, match="once each"):
        embed(REPORT, text)


def test_something_else_than_a_report_is_refused():
    with pytest.raises(EmbedError, match="not one that"):
        embed("# Something\n", TEXT)


def test_as_a_command(tmp_path, monkeypatch, capsys):
    report, text = tmp_path / "report.md", tmp_path / "README.md"
    report.write_text(REPORT)
    text.write_text(TEXT)
    monkeypatch.setattr(sys, "argv", ["embed", str(report), str(text)])
    assert main() == 0
    assert "| 1 % |" in text.read_text() and "old figures" not in text.read_text()
    monkeypatch.setattr(sys, "argv", ["embed", str(report), str(text), "--name", "other"])
    with pytest.raises(SystemExit):
        main()
    assert "other:begin" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["embed", str(report), str(text)])
    text.write_text("no markers")
    with pytest.raises(SystemExit) as failed:
        main()
    assert failed.value.code == 1 and capsys.readouterr().err.startswith("error: ")
    assert text.read_text() == "no markers"
