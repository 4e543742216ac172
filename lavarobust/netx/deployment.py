"""How a deployed model is meant to be run: the content of the file's own ``lavarobust`` group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from lavarobust.netx.mean_image import MeanImage

EncodingKind = Literal["direct", "repeat", "rate", "signed_rate", "frames"]
ReadoutKind = Literal["membrane", "spike_count"]
OverflowState = Literal["cannot overflow", "not seen", "happens"]


@dataclass(frozen=True)
class Encoding:
    """How pixels in [0, 1] become the integers that the first layer receives.

    ``direct`` sends ``round((x - mean) / std * levels)`` once, at a sample's first step, into a
    first layer that holds it (``iDecay = 0``); ``repeat`` sends it at every step; ``rate`` sends
    Bernoulli(x) spikes; ``signed_rate`` sends ``sign(x - m) * Bernoulli(|x - m|)`` with the mean image
    m, per pixel and channel (Mukhoty et al., ICLR 2025, Eq. 2). A sample of ``frames`` is
    ``(C, H, W, T)`` instead of ``(C, H, W)``: frame t, ``round(x * levels)``, is sent at step t; with
    ``levels`` 1 its events are spikes.

    Attributes:
        kind: see above.
        levels: integer scale of the analog kinds (255 for 8-bit images; ignored by the drawn ones).
        mean, std: per channel, in pixel units; empty for none (ignored by the drawn kinds, none for
            ``frames``).
        seed: key of the rate encoders' draws.
        mean_image: of ``signed_rate``; the other kinds ignore it.
    """

    kind: EncodingKind
    levels: int = 255
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    seed: int = 0
    mean_image: MeanImage | None = None

    @property
    def drawn(self) -> bool:
        """Whether the integers are random, so that another draw gives others."""
        return self.kind in ("rate", "signed_rate")

    @property
    def binary(self) -> bool:
        """Whether every integer is a spike, 0 or 1, and none a payload."""
        return self.kind == "rate" or (self.kind == "frames" and self.levels == 1)

    def as_dict(self) -> dict[str, Any]:
        """What can be written as JSON: everything but the mean image."""
        return {name: value for name, value in asdict(self).items() if name != "mean_image"}


@dataclass(frozen=True)
class LayerOverflow:
    """What is known about the 24-bit range of one layer's states.

    Attributes:
        layer: name as ``Model.layer_name`` gives it.
        current, potential: ``cannot overflow`` (proved by the bound), ``not seen`` (not in the
            calibration data) or ``happens``.
        current_bound, potential_bound: largest magnitude that any input in range can cause.
        current_seen, potential_seen: largest magnitude in the calibration data, before wrap or clip.
    """

    layer: str
    current: OverflowState
    potential: OverflowState
    current_bound: int
    potential_bound: int
    current_seen: int
    potential_seen: int


@dataclass(frozen=True)
class Deployment:
    """Everything besides the integers that a user of the file needs.

    Attributes:
        steps: T, the steps of one sample.
        encoding: see :class:`Encoding`.
        readout: ``membrane`` (potential of the last layer at the window's end) or ``spike_count``.
        input_shape: ``(C, H, W)`` of one image, or of one frame.
        class_names: in order of the output neurons; may be empty.
        tie_rule: always ``lowest_index``: the lowest class index among equal outputs wins.
        data: name of the data set it was trained for.
        recipe: the resolved recipe that made it, as plain data.
        versions: of the packages that made it.
        overflow: one statement per layer with neurons.
        thresholds: of each layer with neurons, in units of its real drive in training, where they are not
            all 1; an attacker's surrogate may have its width in that unit.
    """

    steps: int
    encoding: Encoding
    readout: ReadoutKind
    input_shape: tuple[int, ...]
    class_names: tuple[str, ...] = ()
    tie_rule: str = "lowest_index"
    data: str = ""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    overflow: tuple[LayerOverflow, ...] = ()
    thresholds: tuple[float, ...] = ()


def sample_shape(encoding: Encoding, input_shape: tuple[int, ...], steps: int) -> tuple[int, ...]:
    """Shape of a sample before it is encoded: of one image, or of T frames in time order."""
    return (*input_shape, steps) if encoding.kind == "frames" else input_shape


def input_message_bits(encoding: Encoding) -> int:
    """The stock loader's ``input_message_bits``: 0 for binary spikes, else the bits of a payload.

    Lava only asks whether it is positive (``lava/proc/dense/models.py``, ``conv/models.py``); the
    number is what hardware would need, the sign included where the encoding has one.
    """
    if encoding.binary:
        return 0
    if encoding.kind == "signed_rate":
        return 2
    if not encoding.mean:
        return encoding.levels.bit_length()
    largest = max(
        max(abs(0.0 - mean), abs(1.0 - mean)) / std
        for mean, std in zip(encoding.mean, encoding.std, strict=True)
    )
    return round(largest * encoding.levels).bit_length() + 1
