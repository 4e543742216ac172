"""What objectives refuse, in one wording."""

from __future__ import annotations

from lavarobust.errors import SettingsError


def check_epsilon(objective: str, epsilon: float) -> None:
    """Raises SettingsError for a pixel distance outside ]0, 1]."""
    if not 0 < epsilon <= 1:
        raise SettingsError(f"{objective}: epsilon is {epsilon}. Give a number above 0 and up to 1")


def check_part(objective: str, name: str, value: float, epsilon: float) -> None:
    """Raises SettingsError for a share of epsilon that leaves nothing of it, or is nothing."""
    if not 0 < value < epsilon:
        raise SettingsError(
            f"{objective}: {name} is {value} and epsilon {epsilon}. Give a number above 0 and below epsilon"
        )


def check_step_size(objective: str, step_size: float | None) -> None:
    """Raises SettingsError for a step outside ]0, 1]; None takes the default."""
    if step_size is not None and not 0 < step_size <= 1:
        raise SettingsError(
            f"{objective}: step_size is {step_size}. Give a number above 0 and up to 1, or none"
        )


def check_at_least_one(objective: str, name: str, value: int) -> None:
    """Raises SettingsError for a count below 1."""
    if value < 1:
        raise SettingsError(f"{objective}: {name} is {value}. Give at least 1")


def check_weight(objective: str, name: str, value: float) -> None:
    """Raises SettingsError for a loss's factor that is not above 0 and finite."""
    if not 0 < value < float("inf"):
        raise SettingsError(f"{objective}: {name} is {value}. Give a number above 0")
