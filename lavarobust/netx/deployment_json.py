"""The deployment record as JSON text, and back with every field checked."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn, get_args

from lavarobust.errors import ModelFileError
from lavarobust.netx.deployment import (
    Deployment,
    Encoding,
    EncodingKind,
    LayerOverflow,
    OverflowState,
    ReadoutKind,
)
from lavarobust.netx.mean_image import MeanImage

FORMAT_VERSION = 1
REMEDY = "Export the model again with lavarobust"


def deployment_json(deployment: Deployment, where: str = "deployment") -> str:
    """The record as JSON with sorted keys and ``format_version`` 1; a mean image is not in it.

    Raises:
        ModelFileError: the record is not valid (``where`` names the file), or its recipe or versions
            are not plain data.
    """
    own = {"format_version": FORMAT_VERSION, "encoding": deployment.encoding.as_dict()}
    content = dataclasses.asdict(deployment) | own
    if not deployment.thresholds:
        del content["thresholds"]
    try:
        text = json.dumps(content, sort_keys=True, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ModelFileError(
            where,
            f"the record is not plain data ({error})",
            "Give recipe and versions as text, numbers, lists and mappings",
        ) from error
    parse_deployment(text, where, deployment.encoding.mean_image)
    return text


def parse_deployment(text: str, where: str, mean_image: MeanImage | None = None) -> Deployment:
    """The record that a file holds.

    Args:
        text: JSON.
        where: the place, for errors.
        mean_image: of a signed encoder, which lies beside the text.

    Raises:
        ModelFileError: not JSON, another format version, a missing or unknown key, or a wrong value.
    """
    try:
        content = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(where, f"is not JSON ({error})", REMEDY) from error
    record = _Fields(content, where)
    version = record.integer("format_version", low=0)
    if version != FORMAT_VERSION:
        raise ModelFileError(
            where,
            f"has format version {version}, this lavarobust reads {FORMAT_VERSION}",
            "Update lavarobust, or export the model again",
        )
    deployment = Deployment(
        steps=record.integer("steps", low=1),
        encoding=_encoding(record.mapping("encoding"), f"{where}: encoding", mean_image),
        readout=record.choice("readout", get_args(ReadoutKind)),
        input_shape=record.integers("input_shape", low=1),
        class_names=record.texts("class_names"),
        tie_rule=record.choice("tie_rule", ("lowest_index",)),
        data=record.text("data"),
        recipe=record.mapping("recipe"),
        versions=record.mapping("versions"),
        overflow=tuple(
            _overflow(entry, f"{where}: overflow/{index}")
            for index, entry in enumerate(record.list("overflow"))
        ),
        thresholds=record.numbers("thresholds") if "thresholds" in record.left else (),
    )
    record.nothing_else()
    if any(threshold <= 0 for threshold in deployment.thresholds):
        raise ModelFileError(where, f"thresholds {deployment.thresholds} are not all positive", REMEDY)
    if not 1 <= len(deployment.input_shape) <= 3:
        raise ModelFileError(where, f"input_shape {deployment.input_shape}", "It must be (n,) or (C, H, W)")
    signed = deployment.encoding.mean_image
    if signed is not None and signed.pixels.shape != deployment.input_shape:
        raise ModelFileError(
            where, f"a mean image {signed.pixels.shape} for images {deployment.input_shape}", REMEDY
        )
    for package, release in deployment.versions.items():
        if not isinstance(release, str):
            raise ModelFileError(where, f"versions/{package} is {release!r}, not a text", REMEDY)
    return deployment


def _encoding(content: Any, where: str, mean_image: MeanImage | None) -> Encoding:
    record = _Fields(content, where)
    kind = record.choice("kind", get_args(EncodingKind))
    encoding = Encoding(
        kind=kind,
        levels=record.integer("levels", low=1),
        mean=record.numbers("mean"),
        std=record.numbers("std"),
        seed=record.integer("seed", low=0),
        mean_image=mean_image if kind == "signed_rate" else None,
    )
    record.nothing_else()
    if kind == "signed_rate":
        problem = "is missing" if mean_image is None else mean_image.problem()
        if problem:
            raise ModelFileError(where, f"the mean image {problem}", REMEDY)
    if len(encoding.mean) != len(encoding.std):
        raise ModelFileError(where, f"{len(encoding.mean)} means and {len(encoding.std)} deviations", REMEDY)
    if any(deviation <= 0 for deviation in encoding.std):
        raise ModelFileError(where, "a standard deviation is not positive", REMEDY)
    return encoding


def _overflow(content: Any, where: str) -> LayerOverflow:
    record = _Fields(content, where)
    statement = LayerOverflow(
        layer=record.text("layer"),
        current=record.choice("current", get_args(OverflowState)),
        potential=record.choice("potential", get_args(OverflowState)),
        current_bound=record.integer("current_bound", low=0),
        potential_bound=record.integer("potential_bound", low=0),
        current_seen=record.integer("current_seen", low=0),
        potential_seen=record.integer("potential_seen", low=0),
    )
    record.nothing_else()
    return statement


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


class _Fields:
    """Typed access to the keys of one JSON object; each key may be taken once."""

    def __init__(self, content: Any, where: str) -> None:
        self.where = where
        if not isinstance(content, dict):
            raise ModelFileError(where, "is not a JSON object", REMEDY)
        self.left = dict(content)

    def _take(self, key: str, wanted: str, accepted: type | tuple[type, ...]) -> Any:
        if key not in self.left:
            raise ModelFileError(self.where, f"the key {key!r} is missing", REMEDY)
        value = self.left.pop(key)
        if not isinstance(value, accepted) or (isinstance(value, bool) and accepted is not bool):
            self._refuse(key, value, wanted)
        return value

    def _refuse(self, key: str, value: Any, wanted: str) -> NoReturn:
        raise ModelFileError(self.where, f"{key} is {value!r:.80}, not {wanted}", REMEDY)

    def integer(self, key: str, low: int) -> int:
        value: int = self._take(key, "a whole number", int)
        if value < low:
            self._refuse(key, value, f"at least {low}")
        return value

    def text(self, key: str) -> str:
        value: str = self._take(key, "a text", str)
        return value

    def choice(self, key: str, allowed: tuple[Any, ...]) -> Any:
        value = self.text(key)
        if value not in allowed:
            self._refuse(key, value, "one of " + ", ".join(allowed))
        return value

    def mapping(self, key: str) -> Mapping[str, Any]:
        value: Mapping[str, Any] = self._take(key, "a mapping", dict)
        return value

    def list(self, key: str) -> list[Any]:
        value: list[Any] = self._take(key, "a list", list)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.list(key)
        if not all(isinstance(value, str) for value in values):
            self._refuse(key, values, "a list of texts")
        return tuple(values)

    def integers(self, key: str, low: int) -> tuple[int, ...]:
        values = self.list(key)
        if not all(
            isinstance(value, int) and not isinstance(value, bool) and value >= low for value in values
        ):
            self._refuse(key, values, f"a list of whole numbers from {low}")
        return tuple(values)

    def numbers(self, key: str) -> tuple[float, ...]:
        values = self.list(key)
        if not all(
            isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            for value in values
        ):
            self._refuse(key, values, "a list of numbers")
        return tuple(float(value) for value in values)

    def nothing_else(self) -> None:
        if self.left:
            raise ModelFileError(self.where, f"unknown key {sorted(self.left)[0]!r:.80}", REMEDY)
