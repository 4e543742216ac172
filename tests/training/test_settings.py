from __future__ import annotations

import pytest
from pydantic import ValidationError

from lavarobust.training.settings import Settings


def test_cosine_falls_from_the_peak_to_zero():
    settings = Settings(epochs=4, frozen_epochs=1, learning_rate=0.8)
    assert [settings.learning_rate_at(epoch) for epoch in (0, 2)] == pytest.approx([0.8, 0.4])
    assert settings.learning_rate_at(3.999999) < 1e-9


def test_warm_up_rises_linearly_and_cosine_begins_behind_it():
    settings = Settings(epochs=6, frozen_epochs=1, warmup_epochs=2, learning_rate=1.0)
    assert [settings.learning_rate_at(epoch) for epoch in (0, 0.5, 1, 2, 4)] == pytest.approx(
        [0, 0.25, 0.5, 1, 0.5]
    )


def test_constant_stays():
    settings = Settings(epochs=4, frozen_epochs=1, schedule="constant", learning_rate=0.3)
    assert {settings.learning_rate_at(epoch) for epoch in (0, 1.5, 3.9)} == {0.3}


@pytest.mark.parametrize(("frozen", "allowed"), [(2, [3, 4]), (1, [4]), (0, [4])])
def test_only_frozen_epochs_can_be_selected_and_without_them_the_last(frozen, allowed):
    settings = Settings(epochs=5, frozen_epochs=frozen)
    assert [epoch for epoch in range(5) if settings.selectable(epoch)] == allowed


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"epochs": 3, "frozen_epochs": 3}, {"momentum": 1}, {"epoch": 3}]
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)
