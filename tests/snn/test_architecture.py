from __future__ import annotations

import pytest

from lavarobust.errors import SettingsError
from lavarobust.snn.architecture import BasicSpec, ConvSpec, DenseSpec, PoolSpec, WideSpec, parse_layers


def test_short_notation() -> None:
    assert parse_layers(["conv 16", "conv 8 5 2 decay=256", "pool 2", "dense 10 no-norm"]) == (
        ConvSpec(16, 3, 1, 1),
        ConvSpec(8, 5, 2, 2, voltage_decay=256),
        PoolSpec(2),
        DenseSpec(10, batch_norm=False),
    )


@pytest.mark.parametrize(
    "text", ["", "conv", "conv 0", "conv 1 2 3 4", "dense", "dense 3 4", "pool", "pool 2 no-norm", "conv x"]
)
def test_a_layer_that_cannot_be_read_is_named(text) -> None:
    with pytest.raises(SettingsError, match="network layer 1"):
        parse_layers(["conv 4", text])


def test_impossible_decay_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"decay=0\.\.4096"):
        parse_layers(["dense 4 decay=4097"])


def test_residual_blocks_and_dropout() -> None:
    assert parse_layers(["block 64 2 drop=0.2", "wide 32 no-norm", "conv 4 drop=0.5", "dense 9 drop=0"]) == (
        BasicSpec(64, 2, dropout=0.2),
        WideSpec(32, batch_norm=False),
        ConvSpec(4, dropout=0.5),
        DenseSpec(9),
    )


@pytest.mark.parametrize(
    "text", ["block", "block 4 2 1", "wide 4 drop=0.2", "conv 4 drop=1", "dense 4 drop=x"][:5]
)
def test_a_residual_block_that_cannot_be_read_is_named(text) -> None:
    with pytest.raises(SettingsError, match="network layer 0"):
        parse_layers([text])
