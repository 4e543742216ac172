"""The products that layers are measured against."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks import limit
from benchmarks.layers import Product, describe, product, typical, window
from benchmarks.limit import multiply, rate, rows_at_once
from benchmarks.measure import Timing


def test_products_of_typical_layers():
    layers = {describe(layer): product(layer, 2, 16) for layer in typical().values()}
    assert layers["0 dense 784->256"] == Product(2 * 16, 256, 784)
    assert layers["0 conv 32->64 3x3 s2 to 14x14"] == Product(2 * 16 * 14 * 14, 64, 32 * 9)


def test_a_window_counts_its_spikes_either_way():
    made = window(typical()["0 dense 784->256"], 2, 16, 0.1)
    assert made is not None
    packed, unpacked = made.from_words(), made.from_bytes()
    np.testing.assert_array_equal(packed.words, unpacked.words)
    assert 0.08 < made.activity < 0.12
    assert 0.005 < made.sent < 0.95
    assert packed.counts[0].sum() == round(made.activity * 2 * 16 * 784)


def test_speed_is_work_by_time():
    assert rate(Product(1000, 1000, 1000), Timing(500.0, 1.0, 1.0, 1)) == 2.0


def test_a_product_too_large_for_memory_is_done_in_parts(monkeypatch):
    wanted = Product(1000, 8, 8)
    assert rows_at_once(wanted, torch.int8) == 1000
    monkeypatch.setattr(limit, "LARGEST", 1000 * (8 + 32) // 3)
    rows = rows_at_once(wanted, torch.int8)
    assert 1000 // 4 <= rows < 1000
    done = []
    monkeypatch.setattr(torch, "_int_mm", lambda left, right: done.append(left.shape[0]))
    multiply(wanted, torch.int8, rows)()
    assert sum(done) == 1000 and len(done) > 1
