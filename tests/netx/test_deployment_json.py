"""The deployment record: exact there and back, every wrong field refused by name."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from lavarobust.errors import ModelFileError
from lavarobust.netx import (
    Deployment,
    Encoding,
    LayerOverflow,
    deployment_json,
    input_message_bits,
    parse_deployment,
)
from lavarobust.netx.equality import models_equal
from netx_models import conv_model


def record() -> Deployment:
    made = conv_model().deployment
    assert made is not None
    return replace(
        made, overflow=(LayerOverflow("1 conv", "cannot overflow", "not seen", 10, 1 << 40, 5, 1 << 23),)
    )


def changed(**changes: Any) -> str:
    content = json.loads(deployment_json(record()))
    for path, value in changes.items():
        target = content
        *parents, key = path.split("__")
        for parent in parents:
            target = target[int(parent) if isinstance(target, list) else parent]
        if value is KeyError:
            del target[key]
        else:
            target[key] = value
    return json.dumps(content)


def test_there_and_back() -> None:
    text = deployment_json(record())
    assert models_equal(parse_deployment(text, "x"), record())
    assert json.loads(text)["format_version"] == 1
    assert deployment_json(parse_deployment(text, "x")) == text


def test_thresholds_are_written_where_there_are_any() -> None:
    assert "thresholds" not in json.loads(deployment_json(record()))
    trained = replace(record(), thresholds=(0.25, 1.0))
    assert parse_deployment(deployment_json(trained), "x").thresholds == (0.25, 1.0)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"format_version": 2}, "format version 2"),
        ({"format_version": "1"}, "format_version is '1', not a whole number"),
        ({"steps": 0}, "steps is 0, not at least 1"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"steps": True}, "steps is True"),
        ({"steps": KeyError}, "'steps' is missing"),
        ({"encoding": []}, "encoding is []"),
        ({"encoding__kind": "wavelet"}, "kind is 'wavelet', not one of direct, repeat, rate"),
        ({"encoding__levels": 0}, "levels is 0"),
        ({"encoding__mean": [0.5]}, "1 means and 2 deviations"),
        ({"encoding__mean": ["a", "b"]}, "not a list of numbers"),
        ({"encoding__std": [0.5, 0]}, "not positive"),
        ({"encoding__seed": -1}, "seed is -1"),
        ({"encoding__phase": 1}, "unknown key 'phase'"),
        ({"readout": "rank_order"}, "readout is 'rank_order'"),
        ({"input_shape": [2, 0, 3]}, "input_shape"),
        ({"input_shape": [1, 2, 3, 4]}, "input_shape"),
        ({"input_shape": "abc"}, "input_shape is 'abc', not a list"),
        ({"class_names": [1]}, "class_names"),
        ({"tie_rule": "random"}, "tie_rule"),
        ({"recipe": []}, "recipe is []"),
        ({"versions__torch": 2}, "versions/torch is 2"),
        ({"overflow__0__current": "maybe"}, "current is 'maybe'"),
        ({"overflow__0__current_bound": -1}, "current_bound is -1"),
        ({"overflow__0": 3}, "not a JSON object"),
        ({"licence": "x"}, "unknown key 'licence'"),
        ({"thresholds": [1.0, "x"]}, "thresholds is [1.0, 'x']"),
        ({"thresholds": [1.0, 0.0]}, "not all positive"),
    ],
)
def test_wrong_fields_are_named(changes: dict[str, Any], problem: str) -> None:
    content = json.loads(deployment_json(record()))
    if "overflow__0" in changes:
        content["overflow"][0] = changes["overflow__0"]
        text = json.dumps(content)
    else:
        text = changed(**changes)
    with pytest.raises(ModelFileError) as caught:
        parse_deployment(text, "model.net: lavarobust/deployment")
    assert caught.value.where.startswith("model.net: lavarobust/deployment")
    assert problem in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "[]", "{", "NaN", "[" * 100_000, '{"steps": NaN}', "\x00"])
def test_no_json(text: str) -> None:
    with pytest.raises(ModelFileError, match="deployment"):
        parse_deployment(text, "deployment")


def test_an_invalid_record_is_not_written() -> None:
    with pytest.raises(ModelFileError, match="steps is 0"):
        deployment_json(replace(record(), steps=0))


def test_message_bits_hold_the_largest_payload() -> None:
    assert input_message_bits(Encoding("rate")) == 0
    assert input_message_bits(Encoding("direct", levels=255)) == 8
    assert input_message_bits(Encoding("repeat", levels=16)) == 5
    assert input_message_bits(Encoding("direct", levels=16, mean=(0.5,), std=(0.5,))) == 6
