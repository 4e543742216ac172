from __future__ import annotations

import io

from lavarobust.training.progress import Bar, Lines, Silent, show_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


METRICS = {"epoch": 1, "loss": 0.5, "train_accuracy": 0.75, "validation_accuracy": 0.875}


def test_a_terminal_gets_a_bar_and_a_pipe_gets_lines():
    assert isinstance(show_progress("auto", 2, 3, 0, Terminal()), Bar)
    assert isinstance(show_progress("auto", 2, 3, 0, io.StringIO()), Lines)
    assert isinstance(show_progress("bar", 2, 3, 0, io.StringIO()), Bar)
    assert isinstance(show_progress("off", 2, 3, 0, Terminal()), Silent)


def test_a_line_an_epoch_holds_loss_accuracies_and_time_left():
    stream = io.StringIO()
    progress = show_progress("lines", 4, 3, 1, stream)
    progress.batch(1, 9.0, 0.0)
    progress.epoch(METRICS)
    progress.epoch({**METRICS, "epoch": 2, "validation_accuracy": None})
    progress.close()
    first, second = stream.getvalue().splitlines()
    assert first.startswith("epoch 2/4: loss 0.5000, train 75.0%, validation 87.5%, ") and first.endswith(
        " s left"
    )
    assert "validation" not in second


def test_the_bar_shows_epoch_loss_and_accuracies():
    stream = Terminal()
    bar = show_progress("auto", 2, 1, 0, stream)
    bar.epoch(METRICS)
    bar.batch(1, 0.25, 0.5)
    bar.close()
    assert "epoch 2/2: loss 0.2500, train 50.0%, validation 87.5%" in stream.getvalue()
    assert "left" in stream.getvalue()
