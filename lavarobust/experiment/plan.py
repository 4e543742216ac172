"""How a model is run: what its file says, what the caller overrides, and what had to be assumed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from lavarobust.encoding import encode
from lavarobust.errors import SettingsError
from lavarobust.execution.protocol import Backend
from lavarobust.netx.deployment import Deployment, Encoding, EncodingKind, ReadoutKind, sample_shape
from lavarobust.netx.limits import READOUT_THRESHOLD
from lavarobust.netx.model import Dense, Input, Model, Neuron, Shape, SigmaDelta
from lavarobust.record import Record, joined

STEPS_MAX = 1 << 16
"""Longest window that is run; a larger one is a slip of the keyboard or a damaged file."""

ASSUMED_STEPS = 16
ASSUMED_LEVELS = 255

_NORMALISED: tuple[EncodingKind, ...] = ("direct", "repeat")
"""Encodings that send a pixel's value, and so may send a normalised one."""

_UNSAID = "the file does not say"

_FRAME_BYTES = 1 << 26
"""Of encoded images at a time."""

_FEWEST_TOGETHER = 256
"""Images encoded at a time however large: a backend's start must not count."""


@dataclass(frozen=True)
class Plan:
    """What is needed to turn images into one model's predictions.

    Attributes:
        steps: T.
        encoding: of pixels into integers.
        readout: ``membrane`` or ``spike_count``.
        assumptions: sentences to print, one for each value that neither file nor caller gave.
    """

    steps: int
    encoding: Encoding
    readout: ReadoutKind
    assumptions: tuple[str, ...] = ()

    def as_deployment(self, model: Model) -> Deployment:
        """The same as a deployment group, for a model whose file has none."""
        known = model.deployment or Deployment(self.steps, self.encoding, self.readout, model.input_shape)
        return replace(known, steps=self.steps, encoding=self.encoding, readout=self.readout)


def plan_for(
    model: Model,
    *,
    steps: int | None = None,
    encoding: EncodingKind | None = None,
    levels: int | None = None,
    readout: ReadoutKind | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> Plan:
    """The plan of a model: its deployment where it has one, then the arguments, then assumptions.

    Args:
        mean, std: of pixels in [0, 1], one number for every channel or one each. What an input population
            makes of a pixel it then makes of ``(pixel - mean) / std``.

    Raises:
        SettingsError: an impossible value, naming the flag.
    """
    if steps is not None and steps < 1:
        raise SettingsError(f"--steps {steps}: a window needs at least one step.")
    if levels is not None and levels < 1:
        raise SettingsError(f"--levels {levels}: pixels need at least one level.")
    if encoding is not None and encoding not in get_args(EncodingKind):
        raise SettingsError(f"--encoding {encoding}: choose one of {', '.join(get_args(EncodingKind))}.")
    if readout not in (None, "membrane", "spike_count"):
        raise SettingsError(f"--readout {readout}: choose membrane or spike_count.")
    known = model.deployment
    assumptions: list[str] = []
    if known is not None:
        plan = Plan(known.steps, known.encoding, known.readout)
    else:
        plan = _assumed(model)
        given = {"--steps": steps, "--encoding": encoding, "--levels": levels, "--readout": readout}
        values = {
            "--steps": plan.steps,
            "--encoding": plan.encoding.kind,
            "--levels": plan.encoding.levels,
            "--readout": plan.readout,
        }
        assumptions = [
            f"assumed {flag} {values[flag]}: {_reason(model, flag)}"
            for flag, value in given.items()
            if value is None
        ]
        if (
            levels is None
            and mean is None
            and std is None
            and (encoding or plan.encoding.kind) in _NORMALISED
        ):
            assumptions.append(f"assumed --mean 0 --std 1: {_UNSAID}")
    new_encoding = plan.encoding
    if encoding is not None:
        new_encoding = replace(new_encoding, kind=encoding)
    if levels is not None:
        new_encoding = replace(new_encoding, levels=levels)
    if mean is not None or std is not None:
        new_encoding = _normalised(model, new_encoding, mean, std)
    if new_encoding.kind == "signed_rate" and new_encoding.mean_image is None:
        raise SettingsError(
            f"--encoding signed_rate: {model.name} holds no mean image. Train and export a network with it."
        )
    if (steps or plan.steps) > STEPS_MAX:
        raise SettingsError(f"--steps {steps or plan.steps}: a window has at most {STEPS_MAX} steps.")
    return Plan(steps or plan.steps, new_encoding, readout or plan.readout, tuple(assumptions))


def execute(
    backend: Backend,
    model: Model,
    plan: Plan,
    images: np.ndarray,
    indices: np.ndarray,
    *,
    draw: int = 0,
    keep: Collection[int] = (),
) -> Record:
    """Encode images and run them, some at a time, so that memory does not grow with their frames.

    Args:
        images: ``(N, C, H, W)`` in [0, 1], or event frames ``(N, C, H, W, T)``.
        indices: ``(N,)`` index of each image in its data set, the key of a rate encoder's draws.
        draw: repetition of those draws.
        keep: layers whose rasters the record should hold.

    Raises:
        SettingsError: images that do not fit the model.
        BackendError: a backend that is missing or can't run the model.
    """
    wanted = sample_shape(plan.encoding, model.input_shape, plan.steps)
    axes = 5 if plan.encoding.kind == "frames" else 4
    if images.ndim != axes or int(np.prod(images.shape[1:])) != int(np.prod(wanted)):
        raise SettingsError(
            f"{model.name}: images of shape {images.shape[1:]} do not fit the model's input "
            f"{wanted}. Give images of that shape."
        )
    frames = 1 if plan.encoding.kind == "direct" else plan.steps
    part = max(_FEWEST_TOGETHER, _FRAME_BYTES // (4 * int(np.prod(model.input_shape)) * frames))

    def run(first: int) -> Record:
        here = slice(first, first + part)
        stimulus = encode(plan.encoding, images[here], plan.steps, indices[here], draw)
        return backend.run(model, stimulus, plan.readout, keep)

    return joined(map(run, range(0, len(images), part)), len(images))


def _assumed(model: Model) -> Plan:
    populations = [layer for _, layer in model.populations]
    first, last = populations[0], populations[-1]
    assert first.neuron is not None and last.neuron is not None
    if isinstance(first.neuron, SigmaDelta) or isinstance(last.neuron, SigmaDelta):
        # a frame that is no longer sent is a change as well
        encoding = replace(_transform(first), kind="repeat") if isinstance(first, Input) else None
        return Plan(ASSUMED_STEPS, encoding or Encoding("repeat", ASSUMED_LEVELS), readout="membrane")
    holds = isinstance(first.neuron, Neuron) and bool(np.all(np.asarray(first.neuron.current_decay) == 0))
    assert isinstance(last.neuron, Neuron)
    reads_potential = isinstance(last, Dense) and last.neuron.threshold >= READOUT_THRESHOLD
    return Plan(
        steps=ASSUMED_STEPS,
        encoding=_transform(first)
        if isinstance(first, Input)
        else Encoding("direct" if holds else "repeat", ASSUMED_LEVELS),
        readout="membrane" if reads_potential else "spike_count",
    )


def _reason(model: Model, flag: str) -> str:
    first = model.populations[0][1]
    if isinstance(first, Input) and flag in ("--encoding", "--levels"):
        sign = "-" if first.bias < 0 else "+"
        return f"the file's input layer makes {first.weight} * pixel {sign} {abs(first.bias)} of a pixel"
    return _UNSAID


def _normalised(
    model: Model, encoding: Encoding, mean: tuple[float, ...] | None, std: tuple[float, ...] | None
) -> Encoding:
    """The encoding of pixels that are normalised before it."""
    if mean is None or std is None:
        raise SettingsError(
            "--mean and --std go together. Give both, --std 1 for pixels that are only shifted."
        )
    if encoding.kind not in _NORMALISED:
        raise SettingsError(
            f"--mean and --std: the encoding {encoding.kind} sends pixels as they are. Leave both out, or "
            f"give --encoding {' or '.join(_NORMALISED)}."
        )
    channels = _channels(model.input_shape)
    means, stds = (values * channels if len(values) == 1 else values for values in (mean, std))
    if not len(means) == len(stds) == channels:
        raise SettingsError(
            f"--mean and --std hold {len(mean)} and {len(std)} numbers, and {model.name} takes images of "
            f"{channels} channel{'s' if channels > 1 else ''}. Give one number, or one for each channel."
        )
    if not np.isfinite([*means, *stds]).all() or min(stds) <= 0:
        raise SettingsError("--mean and --std: give finite numbers, --std above 0.")
    first = model.populations[0][1]
    # the transform of an input population, which comes after: weight * (pixel - mean) / std + bias
    shift = first.bias / first.weight if isinstance(first, Input) and model.deployment is None else 0.0
    shifted = tuple(m - shift * s for m, s in zip(means, stds, strict=True))
    return replace(encoding, mean=shifted, std=stds)


def _channels(shape: Shape) -> int:
    return shape[0] if len(shape) == 3 else 1


def _transform(layer: Input) -> Encoding:
    """An input population's own transform: the mantissa ``weight * pixel + bias``, rounded."""
    if layer.weight < 1:
        raise SettingsError(
            f"the file's input layer multiplies a pixel by {layer.weight}, and only positive weights are "
            "understood. Change its weight, and the signs of the weights behind it."
        )
    channels = _channels(layer.shape)
    return Encoding("direct", layer.weight, (-layer.bias / layer.weight,) * channels, (1.0,) * channels)
