"""Networks as data: a list of layers that a recipe can hold."""

from __future__ import annotations

from dataclasses import dataclass

from lavarobust.errors import SettingsError


@dataclass(frozen=True)
class ConvSpec:
    """A convolution with LIF neurons.

    Attributes:
        channels: output channels.
        kernel, stride, padding: square.
        batch_norm: folded at deployment.
        voltage_decay: ``vDecay`` in 1/4096 per step; 0 is integrate-and-fire.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    batch_norm: bool = True
    voltage_decay: int = 0


@dataclass(frozen=True)
class DenseSpec:
    """A dense layer with LIF neurons; ``features`` outputs. The last dense layer is the readout."""

    features: int
    batch_norm: bool = True
    voltage_decay: int = 0


@dataclass(frozen=True)
class PoolSpec:
    """An average pool of ``side x side``; it becomes part of the layer behind it."""

    side: int = 2


LayerSpec = ConvSpec | DenseSpec | PoolSpec


def parse_layers(texts: list[str] | tuple[str, ...]) -> tuple[LayerSpec, ...]:
    """Layers of a recipe's short notation.

    ``conv 16 3 2`` is 16 channels, kernel 3, stride 2 (kernel 3 and stride 1 if left out, padding
    keeps the size at stride 1), ``pool 2`` an average pool, ``dense 10`` a dense layer; options
    follow as ``decay=256`` (``vDecay``) and ``no-norm``.

    Raises:
        SettingsError: a layer that can't be read, naming it and what is allowed.
    """
    return tuple(_parse_layer(position, text) for position, text in enumerate(texts))


def _parse_layer(position: int, text: str) -> LayerSpec:
    where = f"network layer {position} ({text!r})"
    kind, *words = text.split() or [""]
    numbers: list[int] = []
    batch_norm, decay = True, 0
    for word in words:
        if word == "no-norm":
            batch_norm = False
        elif word.startswith("decay=") and word[6:].isdigit() and int(word[6:]) <= 4096:
            decay = int(word[6:])
        elif word.isdigit() and int(word) > 0:
            numbers.append(int(word))
        else:
            raise SettingsError(
                f"{where}: {word!r} is not understood. Allowed: positive numbers, decay=0..4096, no-norm."
            )
    if kind == "conv" and 1 <= len(numbers) <= 3:
        channels, kernel, stride = (*numbers, *(3, 1)[len(numbers) - 1 :])
        return ConvSpec(channels, kernel, stride, kernel // 2, batch_norm, decay)
    if kind == "dense" and len(numbers) == 1:
        return DenseSpec(numbers[0], batch_norm, decay)
    if kind == "pool" and len(numbers) == 1 and len(words) == 1:
        return PoolSpec(numbers[0])
    raise SettingsError(
        f"{where}: not a layer. Write 'conv CHANNELS [KERNEL [STRIDE]]', 'dense FEATURES' or 'pool SIDE'."
    )
