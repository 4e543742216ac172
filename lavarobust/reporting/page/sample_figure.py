"""One sample, clean and attacked, drawn."""

from __future__ import annotations

import numpy as np

from lavarobust.reporting.page.activity_figure import draw_raster
from lavarobust.reporting.page.figures import drawing, label, written


def sample_figure(
    name: str,
    clean: np.ndarray,
    attacked: np.ndarray,
    epsilon: float,
    rasters: tuple[np.ndarray, np.ndarray],
    answers: tuple[str, str],
) -> str:
    """An SVG: the image, its change magnified and the attacked image, above the rasters of both.

    Args:
        clean, attacked: ``(H, W)`` or ``(H, W, 3)``, pixels in [0, 1].
        epsilon: the change that is drawn in the darkest colour.
        rasters: ``(neurons, T)`` bool of all layers, clean and attacked.
        answers: below the images.
    """
    change = attacked - clean
    with drawing(name, 4.1) as figure:
        grid = figure.add_gridspec(2, 6, height_ratios=(1.0, 1.15))
        images = [figure.add_subplot(grid[0, 2 * place : 2 * place + 2]) for place in range(3)]
        for panel, pixels in ((images[0], clean), (images[2], attacked)):
            panel.imshow(np.clip(pixels, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="none")
        if change.ndim == 2:
            images[1].imshow(change, cmap="RdBu_r", vmin=-epsilon, vmax=epsilon, interpolation="none")
        else:
            images[1].imshow(np.clip(0.5 + change / (2 * epsilon), 0, 1), interpolation="none")
        titles = ("clean", f"change x {_times(epsilon)}", "attacked")
        for panel, title, below in zip(images, titles, (answers[0], "", answers[1]), strict=True):
            panel.set(xticks=[], yticks=[], title=title, xlabel=label(below))
        for place, raster in enumerate(rasters):
            panel = figure.add_subplot(grid[1, 3 * place : 3 * place + 3])
            draw_raster(panel, raster)
            panel.set_xticks([])
            panel.set_title(f"{int(raster.sum()):,} spikes")
            panel.set_xlabel("step")
            if place == 0:
                panel.set_ylabel("neuron")
        return written(figure, name)


def _times(epsilon: float) -> str:
    """By how much a change is magnified: half of the range of pixels is that of the radius."""
    return f"{1 / (2 * epsilon):.3g}"
