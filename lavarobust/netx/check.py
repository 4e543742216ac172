"""What a reader of a model should know before running it: on Lava, and on a chip."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lavarobust.errors import ModelFileError
from lavarobust.netx.chip import binary_input, chip_refusals, window_of
from lavarobust.netx.deployment import Deployment
from lavarobust.netx.findings import Finding, Severity, Target
from lavarobust.netx.graph import synapses
from lavarobust.netx.limits import BIAS_MAX, BIAS_MIN, DELAY_MAX, READOUT_THRESHOLD, THRESHOLD_MAX
from lavarobust.netx.loader_rules import changed_by_loading, loader_message_bits
from lavarobust.netx.model import UNSPECIFIED, Conv, Dense, Flatten, Input, Model, Neuron, SigmaDelta


def check_model(model: Model, target: Target = "lava") -> tuple[Finding, ...]:
    """Everything to know about running a model on a target, in layer order, the model as a whole last.

    Limits of the hardware are warnings for ``lava`` (which runs wider integers) and errors for a chip.
    No file of this package has run on hardware: its limits are those that Lava documents. How much a chip
    holds is :func:`lavarobust.energy.fit.fit`.
    """
    hardware: Severity = "warning" if target == "lava" else "error"
    findings: list[Finding] = []
    for index, layer in enumerate(model.layers):
        name = model.layer_name(index)
        if isinstance(layer, (Dense, Conv)):
            for synapse in synapses(layer):
                findings += _weights(synapse, name, hardware)
            findings += [] if isinstance(layer.neuron, SigmaDelta) else _bias(layer, name, hardware)
        if isinstance(layer, Dense):
            findings += _dense(layer, name)
        if not isinstance(layer, Flatten) and isinstance(layer.neuron, Neuron):
            findings += _threshold(layer.neuron, name, hardware)
        if isinstance(layer, Input) and layer.neuron is not None:
            findings.append(_input_neurons(layer, name))
    findings += _sigma_delta(model)
    findings += [
        Finding(
            model.layer_name(index),
            "warning",
            f"the file has a {entry}, which stock Lava ignores",
            "Export the layer without it, or expect other spikes than in training",
        )
        for index, entry in model.ignored
    ]
    findings += _extensions(model) if target == "lava" else chip_refusals(model)
    findings += _deployment(model, target)
    if target == "loihi1":
        findings.append(_no_way_to_loihi_1())
    return tuple(findings)


def stock_call(model: Model) -> str | None:
    """The call with which lava-dl's own loader runs the file as here, ready to paste; None where it can't.

    Where the file doesn't say how to run it, the names ``INPUT_MESSAGE_BITS`` (0 for binary spikes,
    else the bits of the largest input) and ``STEPS`` stand for what its user must know.
    """
    if model.extensions:
        return None
    record = model.deployment
    bits = "INPUT_MESSAGE_BITS" if record is None else str(loader_message_bits(model, record.encoding))
    steps = "STEPS" if record is None else str(record.steps)
    shape = tuple(int(size) for size in model.input_shape[::-1])
    reset = "" if model.sigma_delta else f", reset_interval={steps}, reset_offset=1"
    return (
        f"netx.hdf5.Network(net_config={model.name!r}, input_message_bits={bits}, input_shape={shape}{reset})"
    )


def _weights(layer: Dense | Conv, name: str, hardware: Severity) -> Iterator[Finding]:
    try:
        changed = changed_by_loading(layer)
    except ModelFileError as error:
        yield Finding(name, "error", error.problem, error.remedy)
        return
    if changed:
        total = layer.weight.size + (
            0 if isinstance(layer, Conv) or layer.recurrent_weight is None else layer.recurrent_weight.size
        )
        yield Finding(
            name,
            "error",
            f"the stock loader changes {changed} of {total} weights",
            "Keep dense weights even and within -254..254",
        )
    elif not _fits_synapse(layer.weight):
        yield Finding(
            name,
            hardware,
            "weights need more than 8 bits, which Lava's simulator runs and a chip doesn't",
            "Quantise them to even numbers within -254..254",
        )


def _fits_synapse(weight: np.ndarray) -> bool:
    """Whether 8 bits (sign included where signs are mixed) and one shared exponent hold every weight."""
    set_bits = int(np.bitwise_or.reduce(weight.astype(np.int64), axis=None))
    if not set_bits:
        return True
    scale = set_bits & -set_bits
    low, high = int(weight.min()) // scale, int(weight.max()) // scale
    return low >= -128 and high <= 127 if low < 0 < high else max(-low, high) <= 255


def _bias(layer: Dense | Conv, name: str, hardware: Severity) -> Iterator[Finding]:
    if layer.bias is None:
        return
    low, high = int(layer.bias.min()), int(layer.bias.max())
    remedy = "Choose a smaller integer scale for this layer"
    if low < -(1 << 15) or high >= 1 << 15:
        yield Finding(name, "error", f"bias mantissas {low}..{high} wrap around in Lava's int16", remedy)
    elif low < BIAS_MIN or high > BIAS_MAX:
        yield Finding(
            name,
            hardware,
            f"bias mantissas {low}..{high} leave a chip's 13 bits ({BIAS_MIN}..{BIAS_MAX})",
            remedy,
        )


def _threshold(neuron: Neuron, name: str, hardware: Severity) -> Iterator[Finding]:
    if neuron.threshold > READOUT_THRESHOLD:
        yield Finding(
            name,
            hardware,
            f"threshold {neuron.threshold} leaves a chip's 17 bits (0..{THRESHOLD_MAX})",
            "Choose a smaller integer scale for this layer",
        )
    elif neuron.threshold == READOUT_THRESHOLD:
        yield Finding(
            name,
            "note",
            f"threshold {neuron.threshold} marks neurons that never spike; it is one"
            " more than a chip's 17 bits hold",
            f"On a chip, read the potential at {THRESHOLD_MAX} and see that none reaches it",
        )


def _dense(layer: Dense, name: str) -> Iterator[Finding]:
    if layer.neuron is UNSPECIFIED:
        yield Finding(
            name,
            "note",
            "has no neuron group: stock Lava sums its input in the current and counts the bias once",
            "Read its potential at the window's end, or export it with a neuron group",
        )
    if layer.delay is not None and layer.delay.max() > DELAY_MAX:
        yield Finding(
            name,
            "warning",
            f"delays up to {int(layer.delay.max())} are cut to {DELAY_MAX} steps",
            f"Train with delays of at most {DELAY_MAX} steps",
        )
    if layer.delay is not None or layer.recurrent_weight is not None:
        yield Finding(
            name,
            "note",
            "delays and recurrence carry activity beyond a sample's last step",
            "Leave silent steps between samples in stock Lava, or build a fresh network for each",
        )


def _sigma_delta(model: Model) -> Iterator[Finding]:
    if model.sigma_delta:
        yield Finding(
            "model",
            "note",
            "stock Lava does not reset sigma-delta neurons, and what they cut off a message is lost: sums "
            "drift from those of the frames themselves",
            "Run every sequence of frames in a network of its own, as this package does",
        )


def _input_neurons(layer: Input, name: str) -> Finding:
    if isinstance(layer.neuron, SigmaDelta):
        return Finding(
            name,
            "note",
            "the network's input port is not connected to the input layer's neurons in stock Lava",
            "Connect the source to in_layer.neuron.a_in there, and send weight * pixel + bias",
        )
    return Finding(
        name,
        "note",
        "the input layer's neurons are driven by their bias: in stock Lava the"
        " network's input port is not connected to them",
        "Set in_layer.neuron.bias_mant there to weight * pixel + bias",
    )


def _extensions(model: Model) -> Iterator[Finding]:
    if model.extensions:
        yield Finding(
            "model",
            "note",
            f"an extended model ({', '.join(model.extensions)}), which stock NetX can't express and its "
            "loader refuses",
            "Run it on this project's backend 'simulator' or 'lava'",
        )


def _no_way_to_loihi_1() -> Finding:
    return Finding(
        "model",
        "note",
        "no public program puts a NetX file onto Loihi 1: it is held against that chip's widths and capacity",
        "Take Loihi 2 to run it through Lava",
    )


def _deployment(model: Model, target: Target) -> Iterator[Finding]:
    record = model.deployment
    if record is None:
        yield Finding(
            "model", "warning", "the file doesn't say how to run it", "Give --steps, --encoding and --readout"
        )
        return
    outputs = int(np.prod(model.output_layer.shape))
    if record.class_names and len(record.class_names) != outputs:
        yield Finding(
            "model",
            "warning",
            f"{len(record.class_names)} class names for {outputs} outputs",
            "Export the model again with its own class names",
        )
    output = model.output_layer.neuron
    if record.readout == "membrane" and isinstance(output, Neuron) and output.threshold < READOUT_THRESHOLD:
        yield Finding(
            "model",
            "warning",
            "the membrane is read out of neurons that can spike, which resets it",
            f"Export with threshold {READOUT_THRESHOLD} in the last layer",
        )
    if target == "loihi1":
        yield from binary_input(record.encoding)
    if target == "loihi2":
        yield from _window(record.steps)
    yield from _overflow(record)


def _window(steps: int) -> Iterator[Finding]:
    window = window_of(steps)
    if window != steps:
        silent = window - steps
        yield Finding(
            "model",
            "note",
            f"{steps} steps are no power of two: a sample takes a window of {window} steps on a chip, of "
            f"which {silent} carry no input and update every neuron all the same "
            f"({silent / steps:.0%} more steps)",
            f"Train with {window} steps to use them all, or with {window // 2}",
        )


def _overflow(record: Deployment) -> Iterator[Finding]:
    for statement in record.overflow:
        states = {"current": statement.current, "potential": statement.potential}
        happens = " and ".join(key for key, state in states.items() if state == "happens")
        unproved = " and ".join(key for key, state in states.items() if state == "not seen")
        if happens:
            yield Finding(
                statement.layer,
                "warning",
                f"the {happens} leaves 24 bits on the calibration data",
                "Every backend wraps and clips alike; a smaller integer scale avoids it",
            )
        if unproved:
            yield Finding(
                statement.layer,
                "note",
                f"the {unproved} could leave 24 bits on some input; none of the calibration data does",
                "Every run counts wraps and clips",
            )
