"""How near single layers of the simulator come to this machine's matrix products of the same M, N, K.

A layer's multiply-accumulates are counted as if no input were zero; its time runs from packed spikes to
packed spikes, the form in which layers hand over to one another: finding the events (or laying out
patches), sums, neurons and packing are all in it. The time with packing of byte rasters is printed too.
The products find their matrices ready.
"""

from __future__ import annotations

from functools import partial

import torch

from benchmarks.layers import TYPICAL_STEPS as STEPS
from benchmarks.layers import Product, Window, layers_of, typical, window
from benchmarks.measure import Timing, clocked, in_turn
from benchmarks.networks import NETWORKS
from benchmarks.outcome import Figure, Outcome, together
from benchmarks.settings import Settings, say

BATCH = 256
ACTIVITY = 0.1
BAR = 50.0
WIDE = 32
"""Output channels or features from which the bar holds."""

LARGEST = 3 << 30
"""Bytes of a product's matrices; a larger one is done in parts of its rows."""

CACHED_ROWS = 1 << 14
"""Rows of the product that is printed beside, whose matrices are warm and small."""

SHORT, SHORT_REPEATS = 100.0, 15
"""Milliseconds below which a layer is timed more often: short calls are disturbed most."""

CASES = ("typical", "tiny", "mnist", "pilotnet_lif", "conv")


def benchmark(settings: Settings) -> Outcome:
    """Shares of the limit of every layer."""
    parts = []
    for name in settings.wanted(CASES):
        if name == "typical":
            layers, steps = typical(), STEPS
        else:
            case = NETWORKS[name](1, settings.data)
            layers, steps = layers_of(case.model), case.stimulus.steps
        for described, layer in layers.items():
            say(f"limit: {name}, {described}")
            made = window(layer, BATCH, steps, ACTIVITY)
            title = f"{name}: {described}"
            if made is None:
                parts.append(Outcome("", skipped=(f"{title}: the compiled loop does not run it",)))
            else:
                parts.append(share(title, made, settings.repeats))
    notes = (
        f"batch {BATCH}; input spikes of activity {ACTIVITY:.0%}; GMAC/s; the limit is the faster of "
        "torch._int_mm and float32 torch.mm, one product of all M rows",
        f"in brackets the same of {CACHED_ROWS} rows, whose matrices stay in the cache: no bar, stricter",
    )
    return together("Single layers against the faster matrix product: share of the limit", parts, notes)


def share(title: str, made: Window, repeats: int) -> Outcome:
    """One layer and both products, in turn."""
    product = made.product
    calls = {"layer": made.from_words, "layer, packing too": made.from_bytes}
    rows = {}
    for name, dtype in {"int8": torch.int8, "float32": torch.float32}.items():
        rows[name] = rows_at_once(product, dtype)
        calls[name] = multiply(product, dtype, rows[name])
    if clocked(made.from_words) < SHORT:
        repeats = max(repeats, SHORT_REPEATS)
    taken = in_turn(calls, repeats)
    small = Product(min(CACHED_ROWS, product.m), product.n, product.k)
    cached = in_turn(
        {
            name: multiply(small, dtype, small.m)
            for name, dtype in (("int8", torch.int8), ("float32", torch.float32))
        },
        max(repeats, 9),
    )
    speed = {name: rate(product, timing) for name, timing in taken.items()}
    fastest = max(speed["int8"], speed["float32"])
    strict = max(fastest, *(rate(small, timing) for timing in cached.values()))
    parts = [f"{name} in parts of {rows[name]} rows" for name in rows if rows[name] < product.m]
    value = 100 * speed["layer"] / fastest
    return Outcome(
        title,
        figures=(Figure(title, value, "%", BAR if product.n >= WIDE else None),),
        timings={f"{title}, {name}": timing for name, timing in taken.items()},
        notes=(
            f"{title}: M {product.m}, N {product.n}, K {product.k}: layer {speed['layer']:.4g} (packing too "
            f"{speed['layer, packing too']:.4g}: {100 * speed['layer, packing too'] / fastest:.0f} %), int8 "
            f"{speed['int8']:.4g}, float32 {speed['float32']:.4g} [{strict:.4g}: "
            f"{100 * speed['layer'] / strict:.0f} %]; sends {made.sent:.1%}"
            + "".join(f"; {part}" for part in parts),
        ),
    )


def rate(product: Product, timing: Timing) -> float:
    """GMAC/s at the median."""
    return product.gigamacs / timing.median * 1e3


def rows_at_once(product: Product, dtype: torch.dtype) -> int:
    """Rows of a product whose matrices stay below the limit of memory."""
    each = product.k * dtype.itemsize + 4 * product.n
    parts = -(-product.m * each // LARGEST)
    return -(-product.m // parts)


def multiply(product: Product, dtype: torch.dtype, rows: int) -> partial[None]:
    """A call that does the product in as many parts as it takes, on matrices that are ready."""
    seed = torch.Generator().manual_seed(0)
    pattern = torch.randint(-128, 128, (min(rows, 4096), product.k), generator=seed, dtype=torch.int8)
    left = pattern.repeat(-(-rows // len(pattern)), 1)[:rows].to(dtype).contiguous()
    # columns of weights lie together, as oneDNN takes them fastest
    right = torch.randint(-128, 128, (product.n, product.k), generator=seed, dtype=torch.int8).to(dtype).t()
    return partial(_multiply, left, right, product.m)


def _multiply(left: torch.Tensor, right: torch.Tensor, rows: int) -> None:
    function = torch._int_mm if left.dtype == torch.int8 else torch.mm
    while rows > 0:
        part = left[:rows]
        function(part, right)
        rows -= len(part)
