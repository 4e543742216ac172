"""Hold a file, or a recipe before training, against a target: the ``check`` verb."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from lavarobust.energy import Fit, Profile, load_profile
from lavarobust.energy.fit import fit
from lavarobust.energy.profiles import LimitName
from lavarobust.errors import SettingsError
from lavarobust.experiment.shipped import model_path
from lavarobust.netx import Finding, Model, check_model, input_message_bits, read_model, stock_call
from lavarobust.netx.findings import Target

CHIP_PROFILES: Mapping[Target, str] = {"loihi1": "loihi1_davies2018", "loihi2": "loihi2"}
"""The profile that holds a chip's limits."""


@dataclass(frozen=True)
class CheckResult:
    """What a target would do differently, how stock lava-dl loads the file, and what it takes on a chip.

    Attributes:
        model: the file, or the recipe.
        target: ``lava``, ``loihi1`` or ``loihi2``.
        findings: in layer order, those of capacity last.
        stock_call: a Python call, ready to paste; None for an extended model, which stock lava-dl refuses,
            and for a recipe, which has no file yet.
        fit: cores and chips; None for ``lava``.
    """

    model: str
    target: Target
    findings: tuple[Finding, ...]
    stock_call: str | None
    fit: Fit | None = None

    @property
    def errors(self) -> int:
        """How many findings would make the target execute something else, or nothing."""
        return sum(finding.severity == "error" for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python types, ready for JSON."""
        return {
            "model": self.model,
            "target": self.target,
            "findings": [asdict(finding) for finding in self.findings],
            "stock_call": self.stock_call,
            "fit": None if self.fit is None else self.fit.as_dict(),
        }


def check(path: str | Path, target: Target = "lava", input_shape: str | None = None) -> CheckResult:
    """Check a ``.net`` file of any writer.

    Args:
        path: the file, or the name of a model of the package.
        target: ``lava``, ``loihi1`` or ``loihi2``.
        input_shape: ``C,H,W`` for a file that does not say.

    Raises:
        ModelFileError: the file can't be read.
        SettingsError: an unknown target, or an input shape that is none.
    """
    _check_target(target)
    shape = None
    if input_shape is not None:
        try:
            shape = tuple(int(side) for side in input_shape.split(","))
        except ValueError:
            raise SettingsError(f"--input-shape {input_shape}: write it as C,H,W, such as 3,32,32.") from None
    model = read_model(model_path(path), input_shape=shape)
    on_chip, capacity = _on_chip(model, target)
    return CheckResult(
        model.name, target, (*check_model(model, target), *capacity), stock_call(model), on_chip
    )


def check_recipe(recipe: str | Path, target: Target = "loihi2", overrides: Iterable[str] = ()) -> CheckResult:
    """Check what a recipe's network would become, before it is trained.

    Its weights are random: what depends on their values, such as overflow, is left to the trained file.

    Args:
        recipe: a YAML file, or the name of a recipe of the package.
        target: ``lava``, ``loihi1`` or ``loihi2``.
        overrides: ``key=value``, as for training.

    Raises:
        SettingsError: an unknown target, or an impossible recipe.
        DataError: data that are not known by name, and not at hand.
    """
    # torch, which a file's check does without
    from lavarobust.experiment.loading import load_recipe
    from lavarobust.experiment.untrained import untrained_model

    _check_target(target)
    model = untrained_model(load_recipe(recipe, overrides))
    on_chip, capacity = _on_chip(model, target)
    return CheckResult(f"recipe {recipe}", target, (*check_model(model, target), *capacity), None, on_chip)


def _check_target(target: str) -> None:
    if target not in get_args(Target):
        raise SettingsError(f"--target {target}: choose one of {', '.join(get_args(Target))}.")


def _on_chip(model: Model, target: Target) -> tuple[Fit | None, tuple[Finding, ...]]:
    if target == "lava":
        return None, ()
    profile = load_profile(CHIP_PROFILES[target])
    on_chip = fit(model, profile)
    return on_chip, (*_payloads(model, profile), *_capacity(on_chip, profile))


def _payloads(model: Model, profile: Profile) -> Iterator[Finding]:
    limit = profile.limits.get("graded_payload_bits")
    if limit is None or model.deployment is None:
        return
    bits = input_message_bits(model.deployment.encoding)
    if bits > limit.value:
        yield Finding(
            "model",
            "error",
            f"the input carries payloads of {bits} bits, and a spike of the chip {limit.value}",
            "Give the encoder fewer levels",
        )


def _capacity(on_chip: Fit, profile: Profile) -> Iterator[Finding]:
    """An error for each limit that a single neuron of a layer exceeds."""
    narrower = "Give the layer fewer inputs: pool, stride or narrow what is in front"
    words: Mapping[LimitName, tuple[str, str]] = {
        "compartments_per_core": ("compartments", "Take another chip"),
        "synaptic_memory_bytes_per_core": ("bytes of synaptic memory", narrower),
        "fan_in_axons_per_core": ("fan-in axons", narrower),
        "fan_out_axons_per_core": (
            "fan-out axons",
            "Make the layer behind it smaller, so that fewer cores hear of a neuron",
        ),
    }
    for layer in on_chip.layers:
        for name, needed in layer.excess.items():
            what, remedy = words[name]
            yield Finding(
                layer.layer,
                "error",
                f"one neuron alone takes {needed:,} {what}, and a core has {profile.limits[name].value:,}",
                remedy,
            )
