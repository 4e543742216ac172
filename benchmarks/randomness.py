"""Table 1 of the signed rate encoding (Mukhoty et al., ICLR 2025) for any data set, and flips for epsilons.

``python -m benchmarks.randomness digits mnist cifar10 --root FOLDER --crop 4``

Prints k1, k2 and k3 averaged over the training images, less their mean, and how many flips per frame an
l_inf attack of each epsilon amounts to: with encodings in the same draws, and what it adds to the
differences of independent ones. The published figures (CIFAR-10: 994.18, 942.39, 1.11) are of training
images with zero-padded random crops of 4 and flips, whose black borders count: ``--crop 4``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from lavarobust.data import load
from lavarobust.encoding.randomness import (
    coupled_flips,
    flips_of_epsilon,
    randomness,
    rate_flips,
    signed_flips,
)
from lavarobust.training.augmentation import Augmentation, augmented, expected_image

HEADER = (
    "data", "images", "k1", "k2", "k3", "epsilon", "rate: same draws", "rate: added",
    "signed: same draws", "signed: added",
)  # fmt: skip


def rows(name: str, images: np.ndarray, mean: np.ndarray, epsilons: Sequence[float]) -> list[tuple[str, ...]]:
    """One row per epsilon, of images ``(N, C, H, W)`` and the mean ``(C, H, W)`` they are encoded with."""
    table = randomness(images, mean)
    return [
        (
            name,
            str(len(images)),
            f"{table.k1:.2f}",
            f"{table.k2:.2f}",
            f"{table.k3:.3f}",
            f"{epsilon:.4g}",
            f"{flips_of_epsilon(coupled_flips, images, epsilon):.1f}",
            f"{flips_of_epsilon(rate_flips, images, epsilon):.1f}",
            f"{flips_of_epsilon(coupled_flips, images, epsilon, mean):.1f}",
            f"{flips_of_epsilon(signed_flips, images, epsilon, mean):.1f}",
        )
        for epsilon in epsilons
    ]


def markdown(lines: Sequence[Sequence[str]]) -> str:
    """The rows below the header, as a Markdown table."""
    ruled = [HEADER, ("---",) * len(HEADER), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in ruled)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table for the data sets that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", nargs="+", help="names or paths, as --data of the verbs")
    parser.add_argument("--root", help="folder of the data sets")
    parser.add_argument("--epsilon", type=float, nargs="+", default=[8 / 255])
    parser.add_argument("--limit", type=int, help="of the training images, also for their mean")
    parser.add_argument("--crop", type=int, default=0, help="zero-padded random crops by so much, and flips")
    options = parser.parse_args(arguments)
    changes = Augmentation(crop=options.crop, padding="zero", flip=options.crop > 0)
    lines: list[tuple[str, ...]] = []
    for name in options.data:
        data = load(name, root=options.root, limit=options.limit)
        mean = expected_image(data.train.images.mean(0, np.float64), changes)
        images = augmented(data.train.images, changes, 0, data.train.indices)
        lines += rows(data.name, images, mean, options.epsilon)
    print(markdown(lines))


if __name__ == "__main__":
    main()
