"""Errors that a person reads: what is wrong, where, and what to do about it."""

from __future__ import annotations


class LavarobustError(Exception):
    """Base of every error this package raises on purpose; the command line prints it as one line."""


class StoppedError(LavarobustError):
    """A person's Ctrl-C; says what is kept, and ends the command line with exit code 130."""


class ModelFileError(LavarobustError):
    """A ``.net`` file (or a model built in Python) that can't be what it claims to be.

    Args:
        where: file, and the place in it, e.g. ``"model.net: layer/2/weight"``.
        problem: what is wrong there.
        remedy: what the reader can do.
    """

    def __init__(self, where: str, problem: str, remedy: str) -> None:
        super().__init__(f"{where}: {problem}. {remedy}")
        self.where, self.problem, self.remedy = where, problem, remedy


class SettingsError(LavarobustError):
    """A recipe, profile, flag or argument with an impossible value."""


class DataError(LavarobustError):
    """A data set that is missing, empty, malformed or not allowed."""


class BackendError(LavarobustError):
    """An execution backend that is not installed, or that can't run this model."""


class PrecisionError(BackendError):
    """A strict execution in which an integer did not fit where Lava holds it."""
