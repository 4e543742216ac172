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
        dropout: share of the neurons that a training pass silences, the same in all its steps.
        bias: trained, where there is no batch norm.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1
    batch_norm: bool = True
    voltage_decay: int = 0
    dropout: float = 0.0
    bias: bool = False


@dataclass(frozen=True)
class DenseSpec:
    """A dense layer with LIF neurons; ``features`` outputs. The last dense layer is the readout."""

    features: int
    batch_norm: bool = True
    voltage_decay: int = 0
    dropout: float = 0.0
    bias: bool = False


@dataclass(frozen=True)
class PoolSpec:
    """An average pool of ``side x side``; it becomes part of the layer behind it."""

    side: int = 2


@dataclass(frozen=True)
class BasicSpec:
    """HIRE-SNN's residual block: two 3 x 3 convolutions, its input added in front of the second's neurons.

    Attributes:
        channels: of both.
        stride: of the first, and of the 1 x 1 convolution that its input takes where size or channels change.
        batch_norm, voltage_decay: as :class:`ConvSpec`, of both.
        dropout: behind the first.
    """

    channels: int
    stride: int = 1
    batch_norm: bool = True
    voltage_decay: int = 0
    dropout: float = 0.0


@dataclass(frozen=True)
class WideSpec:
    """A wide ResNet's pre-activation block: batch norm, neurons, 3 x 3 convolution, twice, and a shortcut.

    Attributes:
        channels: of both convolutions.
        stride: of the first.
        batch_norm, voltage_decay: as :class:`ConvSpec`, of all its neurons.
    """

    channels: int
    stride: int = 1
    batch_norm: bool = True
    voltage_decay: int = 0


LayerSpec = ConvSpec | DenseSpec | PoolSpec | BasicSpec | WideSpec


def parse_layers(texts: list[str] | tuple[str, ...]) -> tuple[LayerSpec, ...]:
    """Layers of a recipe's short notation.

    ``conv 16 3 2`` is 16 channels, kernel 3, stride 2 (kernel 3 and stride 1 if left out, padding
    keeps the size at stride 1), ``pool 2`` an average pool, ``dense 10`` a dense layer, ``block 64 2`` and
    ``wide 64 2`` residual blocks of 64 channels and stride 2 (1 if left out): :class:`BasicSpec` and
    :class:`WideSpec`. Options follow as ``decay=256`` (``vDecay``), ``no-norm``, ``bias`` (of a
    convolution or dense layer without batch norm) and ``drop=0.2``.

    Raises:
        SettingsError: a layer that can't be read, naming it and what is allowed.
    """
    return tuple(_parse_layer(position, text) for position, text in enumerate(texts))


def _parse_layer(position: int, text: str) -> LayerSpec:
    where = f"network layer {position} ({text!r})"
    kind, *words = text.split() or [""]
    numbers: list[int] = []
    batch_norm, bias, decay, dropout = True, False, 0, 0.0
    for word in words:
        if word == "no-norm":
            batch_norm = False
        elif word == "bias":
            bias = True
        elif word.startswith("decay=") and word[6:].isdigit() and int(word[6:]) <= 4096:
            decay = int(word[6:])
        elif (share := _share(word)) is not None:
            dropout = share
        elif word.isdigit() and int(word) > 0:
            numbers.append(int(word))
        else:
            raise SettingsError(
                f"{where}: {word!r} is not understood. Allowed: positive numbers, decay=0..4096, no-norm, "
                "bias, drop=0..1."
            )
    if bias and (batch_norm or kind not in ("conv", "dense")):
        raise SettingsError(
            f"{where}: a bias of its own has a convolution or dense layer without batch norm. Add no-norm."
        )
    if kind == "conv" and 1 <= len(numbers) <= 3:
        channels, kernel, stride = (*numbers, *(3, 1)[len(numbers) - 1 :])
        return ConvSpec(channels, kernel, stride, kernel // 2, batch_norm, decay, dropout, bias)
    if kind == "dense" and len(numbers) == 1:
        return DenseSpec(numbers[0], batch_norm, decay, dropout, bias)
    if kind == "pool" and len(numbers) == 1 and len(words) == 1:
        return PoolSpec(numbers[0])
    if kind == "block" and 1 <= len(numbers) <= 2:
        return BasicSpec(numbers[0], (*numbers, 1)[1], batch_norm, decay, dropout)
    if kind == "wide" and 1 <= len(numbers) <= 2 and not dropout:
        return WideSpec(numbers[0], (*numbers, 1)[1], batch_norm, decay)
    raise SettingsError(
        f"{where}: not a layer. Write 'conv CHANNELS [KERNEL [STRIDE]]', 'dense FEATURES', 'pool SIDE', "
        "'block CHANNELS [STRIDE]' or 'wide CHANNELS [STRIDE]'."
    )


def _share(word: str) -> float | None:
    """What follows ``drop=``: 0 to below 1."""
    if not word.startswith("drop="):
        return None
    try:
        share = float(word[5:])
    except ValueError:
        return None
    return share if 0 <= share < 1 else None
