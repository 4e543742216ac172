"""What of a model no chip runs: the linter's errors, and the refusals of the backend ``loihi2``."""

from __future__ import annotations

from collections.abc import Iterator

from lavarobust.netx.deployment import Encoding, input_message_bits
from lavarobust.netx.findings import Finding
from lavarobust.netx.model import Conv, Dense, Flatten, GradedSum, Input, Layer, Model, Neuron

_ELSEWHERE = "run it on the backend 'simulator' or 'lava'"


def window_of(steps: int) -> int:
    """The reset interval on a chip: the smallest power of two that holds ``steps`` steps."""
    return 1 << (steps - 1).bit_length()


def chip_refusals(model: Model) -> tuple[Finding, ...]:
    """Errors only, in layer order: what has no public model on Loihi 1 or 2."""
    found = [
        Finding(model.layer_name(index), "error", problem, remedy)
        for index, layer in enumerate(model.layers)
        for problem, remedy in _of_layer(layer)
    ]
    biased = any(
        isinstance(layer, (Dense, Conv)) and layer.bias is not None and layer.bias.any()
        for layer in model.layers
    )
    if biased and any(_carries(layer) for layer in model.layers):
        found.append(
            Finding(
                "model",
                "error",
                "has recurrent or delayed synapses and biases: biases act before the input arrives, and "
                "whether their spikes reach into the sample can't be seen on a chip",
                f"Train without biases (no-norm layers), or {_ELSEWHERE}",
            )
        )
    return tuple(found)


def binary_input(encoding: Encoding) -> Iterator[Finding]:
    """An error where the host would have to send payloads, as a chip with binary spikes can't."""
    bits = input_message_bits(encoding)
    if bits:
        yield Finding(
            "model",
            "error",
            f"the input (encoding {encoding.kind}) carries payloads of {bits} bits, and spikes of Loihi 1 "
            "carry none",
            "Train with encoding rate, or take Loihi 2",
        )


def _of_layer(layer: Layer) -> Iterator[tuple[str, str]]:
    if isinstance(layer, Flatten) or layer.neuron is None:
        return
    neuron = layer.neuron
    if isinstance(neuron, GradedSum):
        yield (
            "sends graded sums, which have no public model on a chip",
            f"Choose an architecture without such blocks, or {_ELSEWHERE}",
        )
    elif neuron.kind not in ("CUBA", "LOIHI"):
        yield (
            f"has neurons of kind {neuron.kind!r}, which the backend 'loihi2' does not run: CUBA only",
            _ELSEWHERE.capitalize(),
        )
    if isinstance(neuron, Neuron) and neuron.reset == "soft":
        yield (
            "resets softly, and a chip's neurons clear their potential",
            f"Train with network.neuron.reset=hard, or {_ELSEWHERE}",
        )
    if isinstance(layer, Input):
        yield (
            "takes images as biases, which 'loihi2' does not rewrite for each sample",
            "Start with a dense or conv layer",
        )
        return
    if layer.gate is not None:
        yield (
            "has stochastic gates, which have no public model on a chip",
            f"Deploy with export.gates=thinned or masked, or {_ELSEWHERE}",
        )
    if layer.shortcuts:
        yield (
            "takes skip connections, whose relays have no public model on a chip",
            f"Choose an architecture without skips, or {_ELSEWHERE}",
        )


def _carries(layer: Layer) -> bool:
    """Whether spikes reach over a sample's last step: recurrent synapses, or delays."""
    if not isinstance(layer, Dense):
        return False
    return layer.recurrent_weight is not None or bool(layer.delay is not None and layer.delay.any())
