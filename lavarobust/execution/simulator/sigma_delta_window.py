"""The compiled loops of sigma-delta layers: arriving messages in, sent messages and counts out.

Every message adds its patch to the sums of a step in the cache, times its value, as in :mod:`.conv_window`;
a dense layer is one pixel. Neurons are then advanced in rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lavarobust.dynamics.aligned import aligned_zeros
from lavarobust.dynamics.compiled import inlined, unmanaged
from lavarobust.dynamics.turns import Turns, take
from lavarobust.execution.simulator.conv_window import add_patches
from lavarobust.execution.simulator.events import SPARE, count_row, list_values
from lavarobust.execution.simulator.fan_out import driven
from lavarobust.execution.simulator.neuron_rows import read_row
from lavarobust.execution.simulator.order import words_of
from lavarobust.execution.simulator.patches import Places
from lavarobust.execution.simulator.sigma_delta_rows import sum_and_send_row, sum_row
from lavarobust.execution.simulator.vectors import LANES, set_bits
from lavarobust.execution.simulator.window import Synapses, count_arrivals
from lavarobust.netx.limits import SIGMA_DELTA_SHIFT, STATE_EXPONENT

_LOWEST, _LARGEST = -(1 << 31), (1 << 31) - 1


class SigmaDeltaNeurons(NamedTuple):
    """A population's constants and the states it starts from, in rows as :func:`prepared.in_rows` has them.

    Attributes:
        bias: ``(K,)`` int32 state units; one row where all neurons have the same.
        threshold: state units.
        sends_sum: whether it is a Sigma.
        total, activation, residue: ``(K,)`` int32.
    """

    bias: np.ndarray
    threshold: int
    sends_sum: bool
    total: np.ndarray
    activation: np.ndarray
    residue: np.ndarray


class SigmaDeltaResults(NamedTuple):
    """What a layer's loop writes.

    Attributes:
        messages: ``(N * T * neurons,)`` int32 in (H, W, C) order.
        totals: ``(N, neurons)`` int32 sums at the window's end.
        counts: ``(4, N, T)`` int32: events, synops, synops_dense, messages sent; zeros before.
        cuts: ``(2, N, T)`` int32: sums or inputs that lost bits, states that wrapped; zeros before.
        peaks: ``(N, 32)`` int32, of which the largest is that of the messages' magnitudes; zeros before.
    """

    messages: np.ndarray
    totals: np.ndarray
    counts: np.ndarray
    cuts: np.ndarray
    peaks: np.ndarray


class SigmaDeltaScratch(NamedTuple):
    """Memory of one thread; see :func:`sigma_delta_scratch`."""

    marked: np.ndarray
    listed: np.ndarray
    amounts: np.ndarray
    sums: np.ndarray
    drive: np.ndarray
    message: np.ndarray
    peaks: np.ndarray
    total: np.ndarray
    activation: np.ndarray
    residue: np.ndarray


def sigma_delta_scratch(places: Places, inputs: int) -> SigmaDeltaScratch:
    """What :func:`run_sigma_delta` works in."""
    states = places.lines * -(-places.width // LANES) * LANES
    return SigmaDeltaScratch(
        np.empty((1, 1, words_of(inputs)), dtype=np.uint64),
        np.empty(inputs + SPARE, dtype=np.int32),
        np.empty(inputs, dtype=np.int32),
        aligned_zeros(places.size, np.int32, places.origin),
        *(aligned_zeros(size, np.int32) for size in (LANES, LANES, LANES, states, states, states)),
    )


@unmanaged
def run_sigma_delta(
    values: np.ndarray,
    synapses: Synapses,
    neurons: SigmaDeltaNeurons,
    results: SigmaDeltaResults,
    scratch: SigmaDeltaScratch,
    left: Turns,
) -> None:
    """Run samples through a layer's window, part after part.

    Args:
        values: ``(N, F, inputs)`` int32 messages in (H, W, C) order.
        synapses: with weights of which no sum leaves 32 bits.
        scratch: of :func:`sigma_delta_scratch`.
    """
    first, last = take(left, 0)
    while first < last:
        for n in range(first, last):
            _run_sample(values, n, synapses, neurons, results, scratch)
        first, last = take(left, last - first)


@inlined
def _run_sample(values: Any, n: int, synapses: Any, neurons: Any, results: Any, scratch: Any) -> None:
    places = synapses.places
    steps, size = results.counts.shape[2], places.lines * places.width
    marked, listed, amounts, sums, drive, message, peaks, total, activation, residue = scratch
    for k in range(len(total)):
        total[k], activation[k], residue[k] = neurons.total[k], neurons.activation[k], neurons.residue[k]
    peaks[:] = 0
    for t in range(steps):
        found = 0
        if t < values.shape[1]:
            found = list_values(values, n, t, marked, listed, amounts, 0)
            count_arrivals(results, n, t, found, driven(marked, 0, 0, places.fan_out))
            add_patches(synapses, sums, listed, amounts, found)
        k = 0
        for line in range(places.lines):
            at, low = places.origin + line * places.pitch, line * places.width
            for begin in range(0, places.width, LANES):
                valid = min(places.width - begin, LANES)
                cut = read_row(
                    sums, at + begin, False, synapses.left, synapses.right, synapses.wrapped, drive
                )
                sent, wrapped = _step(drive, total, activation, residue, k, neurons, valid, message, peaks)
                to = (n * steps + t) * size + low + begin
                for i in range(valid):
                    results.messages[to + i] = message[i]
                results.counts[3, n, t] += set_bits(np.uint64(sent))
                if cut | wrapped:
                    results.cuts[0, n, t] += count_row(cut, valid)
                    results.cuts[1, n, t] += count_row(wrapped, valid)
                k += LANES
        if found:
            sums[:] = 0
    for i in range(LANES):
        results.peaks[n, i] = peaks[i]
    per_line = (places.width + LANES - 1) // LANES * LANES
    for line in range(places.lines):
        for i in range(places.width):
            results.totals[n, line * places.width + i] = total[line * per_line + i]


@inlined
def _step(
    drive: Any,
    total: Any,
    activation: Any,
    residue: Any,
    k: int,
    neurons: Any,
    valid: int,
    message: Any,
    peaks: Any,
) -> tuple[int, int]:
    """A step of the row of neurons whose states begin at ``k``."""
    if not neurons.sends_sum:
        bias_at = k if len(neurons.bias) > LANES else 0
        return sum_and_send_row(
            drive,
            total,
            activation,
            residue,
            k,
            neurons.bias,
            bias_at,
            neurons.threshold,
            valid,
            message,
            peaks,
        )
    wrapped = sum_row(drive, total, k)
    sent = np.uint32(0)
    for i in range(LANES):
        message[i] = total[k + i] if i < valid else 0
        peaks[i] = max(peaks[i], min(abs(np.int64(message[i])), _LARGEST))
        sent |= np.uint32(message[i] != 0) << np.uint32(i)
    return sent, wrapped


@unmanaged
def run_encoder(
    values: np.ndarray, threshold: int, results: SigmaDeltaResults, scratch: np.ndarray, left: Turns
) -> None:
    """Run samples of frames ``(N, F, neurons)`` int32 through a Delta's window, part after part.

    Args:
        scratch: ``(2, neurons)`` int32.
    """
    first, last = take(left, 0)
    while first < last:
        for n in range(first, last):
            _encode_sample(values, n, threshold, results, scratch)
        first, last = take(left, last - first)


@inlined
def _encode_sample(values: Any, n: int, threshold: int, results: Any, scratch: Any) -> None:
    steps, size = results.counts.shape[2], results.totals.shape[1]
    activation, residue = scratch
    activation[:] = 0
    residue[:] = 0
    peak = 0
    for t in range(steps):
        sent, cut, wrapped = 0, 0, 0
        to = (n * steps + t) * size
        for i in range(size):
            given = np.int64(values[n, t, i]) if t < values.shape[1] else 0
            exact = given << SIGMA_DELTA_SHIFT
            held = np.int64(np.int32(exact))
            cut += held != exact
            exact = held - activation[i] + residue[i]
            change = np.int64(np.int32(exact))
            wrapped += change != exact
            activation[i] = held
            fired = abs(change) >= threshold and change != _LOWEST
            residue[i] = 0 if fired else change
            message = change >> STATE_EXPONENT if fired else 0
            results.messages[to + i] = message
            sent += message != 0
            peak = max(peak, abs(message))
        results.counts[3, n, t] = sent
        results.cuts[0, n, t] = cut
        results.cuts[1, n, t] = wrapped
    results.peaks[n, 0] = peak
