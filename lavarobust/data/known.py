"""The data sets that are known by name: where their files lie below a root, and how they are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from lavarobust.data import cifar, idx, nmnist, svhn, tinyimagenet
from lavarobust.data.cifar import CIFAR10, CIFAR100
from lavarobust.data.events import EventFrames
from lavarobust.data.splits import Source
from lavarobust.errors import SettingsError

Content = tuple[str, Source, Source, tuple[str, ...]]
"""Title, training part, test part, class names."""


@dataclass(frozen=True)
class Known:
    """A data set in its own files.

    Attributes:
        places: below the root, in which it is looked for after the root itself.
        wanted: what to put there.
        is_in: whether a folder or file holds it.
        content: reads it; event data as the frames that are asked for.
        shape: ``(C, H, W)`` of an image or of a frame.
        classes: of its labels.
        events: whether a sample is a recording of events.
    """

    places: tuple[str, ...]
    wanted: str
    is_in: Callable[[Path], bool]
    content: Callable[[Path, EventFrames | None], Content]
    shape: tuple[int, int, int]
    classes: int
    events: bool = False

    def find(self, root: Path) -> Path | None:
        """The first place that holds it."""
        return next((path for path in self.candidates(root) if self.is_in(path)), None)

    def candidates(self, root: Path) -> tuple[Path, ...]:
        """Where it is looked for."""
        return (root, *(root / place for place in self.places))


def _mnist(folder: Path, frames: EventFrames | None) -> Content:
    return ("MNIST", *idx.mnist_sources(folder), idx.CLASS_NAMES)


def _svhn(folder: Path, frames: EventFrames | None) -> Content:
    return ("SVHN", *svhn.svhn_sources(folder), svhn.CLASS_NAMES)


def _tinyimagenet(folder: Path, frames: EventFrames | None) -> Content:
    return ("TinyImageNet", *tinyimagenet.tinyimagenet_sources(folder))


def _nmnist(path: Path, frames: EventFrames | None) -> Content:
    if frames is None:
        raise SettingsError(
            f"{path}: holds recordings of events. Say into how many time bins they are cut: "
            "load(..., frames=EventFrames(bins))"
        )
    train, test = nmnist.nmnist_sources(path, frames)
    samples = (train.labels.shape[0], test.labels.shape[0])
    # a part of the recordings must not pass for all of them
    title = "N-MNIST" if samples == nmnist.SAMPLES else f"N-MNIST-{samples[0]}"
    return title, train, test, nmnist.CLASS_NAMES


def _cifar(version: cifar.Version, places: tuple[str, ...], classes: int) -> Known:
    return Known(
        places,
        f"the binary version ({', '.join(version.files)}, from {version.archive})",
        lambda folder: cifar.has_cifar(folder, version),
        lambda folder, frames: (version.title, *cifar.cifar_sources(folder, version)),
        cifar.IMAGE_SHAPE,
        classes,
    )


KNOWN = {
    "mnist": Known(
        ("mnist",),
        f"MNIST's four files ({', '.join(chain(*idx.PARTS.values()))}, raw or .gz)",
        idx.has_mnist,
        _mnist,
        (1, 28, 28),
        10,
    ),
    "cifar10": _cifar(CIFAR10, ("cifar10", "cifar-10-batches-bin"), 10),
    "cifar100": _cifar(CIFAR100, ("cifar100", "cifar-100-binary"), 100),
    "svhn": Known(
        ("svhn",), f"{svhn.TRAIN_FILE} and {svhn.TEST_FILE}", svhn.has_svhn, _svhn, (3, 32, 32), 10
    ),
    "tinyimagenet": Known(
        ("tinyimagenet", "tiny-imagenet-200"),
        "the unpacked tiny-imagenet-200.zip (wnids.txt, train/, val/)",
        tinyimagenet.has_tinyimagenet,
        _tinyimagenet,
        (3, 64, 64),
        200,
    ),
    "nmnist": Known(
        ("nmnist", "N-MNIST", "nmnist.zip"),
        "N-MNIST's Train/<digit>/<number>.bin and Test/<digit>/<number>.bin, or SLAYER's <number>.bs2 with "
        "train*.txt and test*.txt, in a folder or in nmnist.zip",
        nmnist.has_nmnist,
        _nmnist,
        (2, nmnist.SIDE, nmnist.SIDE),
        10,
        events=True,
    ),
}
"""By the name that a recipe gives. Digits need no files and are not among them."""
