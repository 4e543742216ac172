"""The integer model and its NetX HDF5 file: read, write, check. Loads neither torch nor lava."""

from lavarobust.netx.deployment_json import deployment_json, parse_deployment
from lavarobust.netx.loader_rules import (
    LoadedWeight,
    changed_by_loading,
    effective_bias,
    effective_delay,
    load_weight,
)
from lavarobust.netx.read import read_model
from lavarobust.netx.shapes import conv_output_shape, output_shapes
from lavarobust.netx.write import model_image, write_model

__all__ = [
    "LoadedWeight",
    "changed_by_loading",
    "conv_output_shape",
    "deployment_json",
    "effective_bias",
    "effective_delay",
    "load_weight",
    "model_image",
    "output_shapes",
    "parse_deployment",
    "read_model",
    "write_model",
]
