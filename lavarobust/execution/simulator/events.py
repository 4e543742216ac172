"""Events of a step as lists of indices, for compiled loops, and spikes back into words."""

from __future__ import annotations

from typing import Any

import numpy as np

from lavarobust.dynamics.compiled import inlined
from lavarobust.execution.simulator.vectors import LANES, WORD, put_sums, set_bits

_ONE, _WORD, _LAST_WHOLE = np.uint64(1), np.uint64(WORD), np.uint64(WORD - LANES)
_WORD_BITS = WORD.bit_length() - 1

_BYTE = np.uint64(255)
_BITS = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
_PLACES = np.argsort(1 - _BITS, axis=1, kind="stable").astype(np.uint8).reshape(-1)
"""For each byte the places of its bits that are set, then others."""

SPARE = 8
"""Places that a list needs beyond its inputs."""


@inlined
def list_spikes(
    words: Any, n: int, t: int, inputs: int, reaching: Any, listed: Any, low: int
) -> tuple[int, int, bool]:
    """List which of ``inputs`` spike in ``words[n, t]``, or which do not where those are fewer.

    Args:
        words: ``(N, T, W)`` uint64, no bit set beyond the inputs.
        reaching: ``(W,)`` uint64, the inputs that are worth listing; no bit set beyond them.
        listed: int32, written from ``low`` on, up to ``SPARE`` beyond the list.

    Returns:
        The spikes, the length of the list, and whether it holds the silent ones.
    """
    spikes = 0
    for w in range(words.shape[2]):
        spikes += set_bits(words[n, t, w])
    silent = 2 * spikes > inputs
    return spikes, _list(words, n, t, silent, reaching, listed, low), silent


@inlined
def list_values(values: Any, n: int, t: int, marked: Any, listed: Any, amounts: Any, low: int) -> int:
    """List which of ``values[n, t]`` are not zero, and their amounts, from ``low`` on; returns how many.

    Args:
        marked: ``(1, 1, W)`` uint64, written: a bit for each that is listed.
        listed: int32, as of :func:`list_spikes`.
    """
    _mark(values, n, t, marked)
    found = _list(marked, 0, 0, False, marked[0, 0], listed, low)
    for i in range(low, low + found):
        amounts[i] = values[n, t, listed[i]]
    return found


@inlined
def _mark(values: Any, n: int, t: int, marked: Any) -> None:
    inputs = values.shape[2]
    for w in range(marked.shape[2]):
        bits = np.uint64(0)
        for i in range(w << _WORD_BITS, min((w + 1) << _WORD_BITS, inputs)):
            bits |= np.uint64(values[n, t, i] != 0) << np.uint64(i & (WORD - 1))
        marked[0, 0, w] = bits


@inlined
def _list(words: Any, n: int, t: int, silent: bool, among: Any, listed: Any, low: int) -> int:
    """List the bits ``among`` those of ``words[n, t]`` that are set, or that are not; returns how many."""
    end = low
    for w in range(words.shape[2]):
        bits = (~words[n, t, w] if silent else words[n, t, w]) & among[w]
        if bits:
            # eight places a byte, of which those beyond its spikes are written over: no guess how many
            for byte in range(0, WORD, 8):
                some = (bits >> np.uint64(byte)) & _BYTE
                put_sums(listed, end, _PLACES, np.int64(some), (w << _WORD_BITS) + byte)
                end += set_bits(some)
    return end - low


@inlined
def put_row(fired: Any, valid: int, words: Any, n: int, t: int, at: int) -> None:
    """Set bits ``at`` to ``at + valid`` of ``words[n, t]`` to those of a row."""
    bits = np.uint64(fired) & _first_bits(valid)
    word, offset = at >> _WORD_BITS, np.uint64(at & (WORD - 1))
    words[n, t, word] |= bits << offset
    if offset > _LAST_WHOLE:
        beyond = bits >> (_WORD - offset)
        if beyond:
            words[n, t, word + 1] |= beyond


@inlined
def count_row(mask: Any, valid: int) -> int:
    """How many of a row's first ``valid`` bits are set."""
    return set_bits(np.uint64(mask) & _first_bits(valid))


@inlined
def _first_bits(valid: int) -> Any:
    return (_ONE << np.uint64(min(valid, LANES))) - _ONE
