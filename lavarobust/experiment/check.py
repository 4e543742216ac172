"""Hold a file against a target before running it: the ``check`` verb."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lavarobust.errors import SettingsError
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import Finding, check_model, read_model, stock_call
from lavarobust.netx.check import Target


@dataclass(frozen=True)
class CheckResult:
    """What a target would do differently, and how stock lava-dl loads the file.

    Attributes:
        findings: in layer order.
        stock_call: a Python call, ready to paste.
    """

    findings: tuple[Finding, ...]
    stock_call: str


def check(path: str | Path, target: Target = "lava", input_shape: str | None = None) -> CheckResult:
    """Check a ``.net`` file of any writer.

    Args:
        path: the file, or the name of a model of the package.
        target: ``lava`` or ``loihi2``.
        input_shape: ``C,H,W`` for a file that does not say.

    Raises:
        ModelFileError: the file can't be read.
        SettingsError: an input shape that is none.
    """
    shape = None
    if input_shape is not None:
        try:
            shape = tuple(int(side) for side in input_shape.split(","))
        except ValueError:
            raise SettingsError(f"--input-shape {input_shape}: write it as C,H,W, such as 3,32,32.") from None
    model = read_model(model_path(path), input_shape=shape)
    return CheckResult(check_model(model, target), stock_call(model))
