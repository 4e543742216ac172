"""The integer model and its NetX HDF5 file: read, write, check. Loads neither torch nor lava."""

from lavarobust.netx.bounds import StateBound, state_bounds
from lavarobust.netx.check import check_model, stock_call
from lavarobust.netx.deployment import (
    Deployment,
    Encoding,
    LayerOverflow,
    input_message_bits,
)
from lavarobust.netx.deployment_json import deployment_json, parse_deployment
from lavarobust.netx.fanout import fan_out, recurrent_fan_out
from lavarobust.netx.findings import Finding
from lavarobust.netx.loader_rules import (
    LoadedWeight,
    changed_by_loading,
    effective_bias,
    effective_delay,
    load_weight,
)
from lavarobust.netx.mean_image import MeanImage
from lavarobust.netx.model import (
    READOUT,
    UNSPECIFIED,
    Conv,
    Dense,
    Flatten,
    GradedSum,
    Input,
    Layer,
    Model,
    Neuron,
    Shape,
    Shortcut,
    SigmaDelta,
)
from lavarobust.netx.read import read_model
from lavarobust.netx.shapes import conv_output_shape, output_shapes
from lavarobust.netx.sigma_delta_bounds import SumBound, sum_bounds
from lavarobust.netx.write import model_image, write_model

__all__ = [
    "READOUT",
    "UNSPECIFIED",
    "Conv",
    "Dense",
    "Deployment",
    "Encoding",
    "Finding",
    "Flatten",
    "GradedSum",
    "Input",
    "Layer",
    "LayerOverflow",
    "LoadedWeight",
    "MeanImage",
    "Model",
    "Neuron",
    "Shape",
    "Shortcut",
    "SigmaDelta",
    "StateBound",
    "SumBound",
    "changed_by_loading",
    "check_model",
    "conv_output_shape",
    "deployment_json",
    "effective_bias",
    "effective_delay",
    "fan_out",
    "input_message_bits",
    "load_weight",
    "model_image",
    "output_shapes",
    "parse_deployment",
    "read_model",
    "recurrent_fan_out",
    "state_bounds",
    "stock_call",
    "sum_bounds",
    "write_model",
]
