"""The papers' architectures by name, at any width, with heads that fit a chip.

Sources: HIRE-SNN's VGG5 and VGG11 (``hiresnn2021: vgg_spiking_nodewise.py``) and ResNet12 (``DIET-SNN:
self_models/resnet_spiking.py``): no batch norm, dropout 0.2 except in front of a pool. VGG11 as SR, StoG,
signed rate encoding and robust conversion have it, VGG16 and WRN-16-4 (``TUG: models/VGG.py,
models/WideResNet.py``): batch norm behind convolutions, biases in dense layers. Small ones for digits,
MNIST and N-MNIST are this project's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from lavarobust.errors import SettingsError

Head = Literal["paper", "small", "pooled"]

HIDDEN = 4096
SMALL_HIDDEN = 256
HIRE_DROPOUT = 0.2

_POOL = "A"
_VGG: dict[str, tuple[int | str, ...]] = {
    "vgg5": (64, _POOL, 128, 128, _POOL),
    "vgg11-hire": (64, _POOL, 128, 256, _POOL, 512, 512, 512, _POOL, 512, 512),
    "vgg11": (64, _POOL, 128, 256, _POOL, 512, 512, 512, _POOL, 512, 512),
    "vgg16": (64, 64, _POOL, 128, 128, _POOL, *[256] * 3, _POOL, *[512] * 3, _POOL, *[512] * 3, _POOL),
}
_HIRE = ("vgg5", "vgg11-hire", "resnet12")


@dataclass(frozen=True)
class Architecture:
    """A network by name.

    Attributes:
        name: one of :data:`ARCHITECTURES`.
        width: multiplies channels and hidden neurons, each rounded and at least 1.
        head: ``paper``, as published; ``small``, one dense layer of 256 neurons (times the width) in front
            of the classes; ``pooled``, an average over all places straight in front of them.
        dropout: share of neurons that a training pass silences; None for the paper's own.

    Raises:
        SettingsError: an unknown name or head, or an impossible number.
    """

    name: str
    width: float = 1.0
    head: Head = "paper"
    dropout: float | None = None

    def __post_init__(self) -> None:
        if self.name not in ARCHITECTURES:
            raise SettingsError(f"architecture {self.name!r} is unknown. Choose: {', '.join(ARCHITECTURES)}")
        if self.head not in get_args(Head):
            raise SettingsError(f"head {self.head!r} is unknown. Choose: {', '.join(get_args(Head))}")
        if not 0 < self.width <= 16:
            raise SettingsError(f"width is {self.width}. Give a number above 0 and up to 16")
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise SettingsError(f"dropout is {self.dropout}. Give a share from 0 to below 1")

    def layers(self, side: int, classes: int) -> tuple[str, ...]:
        """In the notation of :func:`lavarobust.snn.architecture.parse_layers`.

        Args:
            side: height or width of the input, the smaller one.
            classes: outputs.
        """
        return ARCHITECTURES[self.name](self, side, classes)

    def scaled(self, size: int) -> int:
        """Channels or neurons at this width."""
        return max(1, round(size * self.width))

    @property
    def _drop(self) -> str:
        share = (HIRE_DROPOUT if self.name in _HIRE else 0.0) if self.dropout is None else self.dropout
        return f" drop={share:g}" if share else ""


def _vgg(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    parts, plain = _VGG[of.name], of.name in _HIRE
    layers: list[str] = []
    for part, following in zip(parts, (*parts[1:], None), strict=True):
        if isinstance(part, str):
            layers.append("pool 2")
            side //= 2
        else:
            silenced = of._drop if plain and following != _POOL else ""
            layers.append(f"conv {of.scaled(part)}{' no-norm' if plain else ''}{silenced}")
    options = (" no-norm" if plain else " no-norm bias") + of._drop
    return (*layers, *_head(of, side, classes, [f"dense {of.scaled(HIDDEN)}{options}"] * 2, options))


def _resnet12(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    stem = f"conv {of.scaled(64)} no-norm"
    layers = [stem + of._drop, stem + of._drop, stem, "pool 2"]
    side //= 2
    for channels, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers.append(f"block {of.scaled(channels)} {stride} no-norm{of._drop}")
        side = -(-side // stride)
    return (*layers, *_head(of, side, classes, [], " no-norm" + of._drop))


def _wide_resnet(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    layers = [f"conv {of.scaled(16)}"]
    for channels, stride in ((64, 1), (128, 2), (256, 2)):
        layers += [f"wide {of.scaled(channels)} {stride}", f"wide {of.scaled(channels)}"]
        side = -(-side // stride)
    return (*layers, *_head(of, side, classes, _pooling(side), ""))


def _small_conv(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    layers = (f"conv {of.scaled(16)}", f"conv {of.scaled(32)} 3 2")
    return (*layers, *_head(of, -(-side // 2), classes, [], ""))


def _small_resnet(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    first, second = of.scaled(16), of.scaled(32)
    layers = (f"conv {first} 3 2", f"block {first}", f"block {second} 2")
    return (*layers, *_head(of, -(-side // 4), classes, [], ""))


def _small_wide(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    first, second = of.scaled(16), of.scaled(32)
    layers = (f"conv {of.scaled(8)} 3 2", f"wide {first}", f"wide {first}", f"wide {second} 2")
    return (*layers, *_head(of, -(-side // 4), classes, [], ""))


def _small_events(of: Architecture, side: int, classes: int) -> tuple[str, ...]:
    layers = (f"conv {of.scaled(8)} 5 2", f"conv {of.scaled(16)} 3 2")
    return (*layers, *_head(of, -(-side // 4), classes, [f"dense {of.scaled(64)}"], ""))


ARCHITECTURES: dict[str, Callable[[Architecture, int, int], tuple[str, ...]]] = {
    **dict.fromkeys(_VGG, _vgg),
    "resnet12": _resnet12,
    "wrn-16-4": _wide_resnet,
    "small-conv": _small_conv,
    "small-resnet": _small_resnet,
    "small-wide": _small_wide,
    "small-events": _small_events,
}


def _head(of: Architecture, side: int, classes: int, paper: list[str], options: str) -> list[str]:
    """Everything behind the last convolution, whose places are ``side`` in each direction."""
    heads = {
        "paper": paper,
        "small": [f"dense {of.scaled(SMALL_HIDDEN)}{options}"],
        "pooled": _pooling(side),
    }
    return [*heads[of.head], f"dense {classes}"]


def _pooling(side: int) -> list[str]:
    return [f"pool {side}"] if side > 1 else []
