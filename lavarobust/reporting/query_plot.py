"""Accuracy over the number of queries as a picture: what an attacker who sees only scores gets, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lavarobust.reporting.png import png


def query_plot(curves: Mapping[str, tuple[Sequence[int], Sequence[float]]]) -> bytes:
    """A PNG of accuracies over queries, on an axis that is linear up to ten queries and logarithmic beyond.

    Args:
        curves: by the name that the legend shows: numbers of queries, and the accuracy 0..1 after each,
            as :func:`lavarobust.attacks.accuracy_over_queries` counts them.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    panel = figure.subplots()
    for name, (points, accuracies) in curves.items():
        panel.step(points, [100 * accuracy for accuracy in accuracies], where="post", label=name)
    panel.set_xscale("symlog", linthresh=10)
    panel.set_ylim(0, 100)
    panel.set_xlabel("queries per image")
    panel.set_ylabel("accuracy (%)")
    if curves:
        panel.legend(fontsize="small")
    return png(figure)
