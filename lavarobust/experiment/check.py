"""Hold a file against a target before running it: the ``check`` verb."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from lavarobust.errors import SettingsError
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import Finding, check_model, read_model, stock_call
from lavarobust.netx.check import Target


@dataclass(frozen=True)
class CheckResult:
    """What a target would do differently, and how stock lava-dl loads the file.

    Attributes:
        model: the file.
        target: ``lava`` or ``loihi2``.
        findings: in layer order.
        stock_call: a Python call, ready to paste; None for an extended model, which stock lava-dl refuses.
    """

    model: str
    target: Target
    findings: tuple[Finding, ...]
    stock_call: str | None

    @property
    def errors(self) -> int:
        """How many findings would make the target execute something else, or nothing."""
        return sum(finding.severity == "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return asdict(self) | {"findings": [asdict(finding) for finding in self.findings]}


def check(path: str | Path, target: Target = "lava", input_shape: str | None = None) -> CheckResult:
    """Check a ``.net`` file of any writer.

    Args:
        path: the file, or the name of a model of the package.
        target: ``lava`` or ``loihi2``.
        input_shape: ``C,H,W`` for a file that does not say.

    Raises:
        ModelFileError: the file can't be read.
        SettingsError: an unknown target, or an input shape that is none.
    """
    if target not in get_args(Target):
        raise SettingsError(f"--target {target}: choose one of {', '.join(get_args(Target))}.")
    shape = None
    if input_shape is not None:
        try:
            shape = tuple(int(side) for side in input_shape.split(","))
        except ValueError:
            raise SettingsError(f"--input-shape {input_shape}: write it as C,H,W, such as 3,32,32.") from None
    model = read_model(model_path(path), input_shape=shape)
    return CheckResult(model.name, target, check_model(model, target), stock_call(model))
