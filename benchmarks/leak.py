"""How far one step of an attack moves a network's spikes, over its leak (HIRE-SNN's figure).

``python -m benchmarks.leak RUN`` takes a finished run, gives all its populations one threshold and one leak
after the other, and compares the executed rates of clean images and of those of one PGD step.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.measure import table
from lavarobust.activity import pixel_distance, spike_distance
from lavarobust.attacks import PGD, ThreatModel, attack
from lavarobust.attacks.integer_victim import IntegerVictim
from lavarobust.data import Images
from lavarobust.execution import backend
from lavarobust.experiment.plan import Plan, execute
from lavarobust.experiment.run_folder import RunFolder
from lavarobust.experiment.train import load_network, run_data
from lavarobust.files import atomic_write
from lavarobust.netx.deployment import Deployment
from lavarobust.snn.deploy import to_model
from lavarobust.snn.network import SpikingNetwork

THRESHOLD, STEPS = 0.8, 10
"""Of the paper's figure."""

LEAKS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclass(frozen=True)
class Moved:
    """What one attack step moved at one leak.

    Attributes:
        leak: share of its potential that a neuron keeps in a step.
        pixels: mean l2 norm of the change, in pixel units.
        rates: by layer, mean l2 norm of the change of its neurons' rates.
    """

    leak: float
    pixels: float
    rates: dict[str, float]


def moved_by_leak(
    network: SpikingNetwork, images: Images, leaks: Sequence[float], epsilon: float, seed: int = 0
) -> tuple[Moved, ...]:
    """The figure's points; the network's thresholds, leaks and steps are overwritten.

    Args:
        epsilon: of the one PGD step, in pixel units.
        seed: of its random start.
    """
    network.steps = STEPS
    return tuple(_moved(network, images, leak, epsilon, seed) for leak in leaks)


def _moved(network: SpikingNetwork, images: Images, leak: float, epsilon: float, seed: int) -> Moved:
    with torch.no_grad():
        for block in network.stack:
            if block.scalars is not None:
                block.scalars.threshold.fill_(THRESHOLD)
                block.scalars.leak.fill_(leak)
    model = to_model(network)
    deployment = Deployment(STEPS, network.encoding, network.readout, network.input_shape)
    found = attack(
        PGD(steps=1),
        IntegerVictim(model, deployment),
        images.images,
        images.labels,
        images.indices,
        ThreatModel(epsilon),
        seed,
    )
    plan, layers = Plan(STEPS, network.encoding, network.readout), [i for i, _ in model.populations]
    clean, perturbed = (
        execute(backend("simulator"), model, plan, pixels, images.indices, keep=layers)
        for pixels in (images.images, found.images)
    )
    distances = spike_distance(clean, perturbed)
    rates = {model.layer_name(index): float(distances[index].mean()) for index in layers[:-1]}
    return Moved(leak, float(pixel_distance(images.images, found.images).mean()), rates)


def plot(points: Sequence[Moved]) -> bytes:
    """A PNG of the spike distance of every layer over the leak."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    leaks = [point.leak for point in points]
    for layer in points[0].rates:
        panel.plot(leaks, [point.rates[layer] for point in points], "o-", label=layer)
    panel.set_xlabel("leak: share of the potential that a step keeps")
    panel.set_ylabel("spike distance (l2 norm of the change of rates)")
    panel.legend()
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=120, metadata={"Software": None})
    return image.getvalue()


def main() -> None:
    """Print the table, and write the picture beside the run's other files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("--epsilon", type=float, default=8 / 255, help="of the attack [default: 8/255]")
    parser.add_argument("--images", type=int, default=200, help="test images [default: 200]")
    parser.add_argument("--leaks", type=float, nargs="+", default=list(LEAKS))
    arguments = parser.parse_args()
    run = RunFolder(arguments.run)
    images = run_data(run).test.take(arguments.images)
    points = moved_by_leak(load_network(run.path), images, arguments.leaks, arguments.epsilon)
    title = (
        f"{images.samples} test images, threshold {THRESHOLD}, T={STEPS}, PGD-1 at {arguments.epsilon:.4f}; "
        f"pixels move by {np.mean([point.pixels for point in points]):.3f} (l2)"
    )
    rows = [(f"{point.leak:g}", *(f"{rate:.3f}" for rate in point.rates.values())) for point in points]
    print(table(title, ("leak", *points[0].rates), rows))
    target = run.path / "leak.png"
    atomic_write(target, plot(points))
    print(target)


if __name__ == "__main__":
    main()
