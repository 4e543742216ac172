"""The integer neurons and their surrogate gradients: one definition for training, simulation and attack."""

from lavarobust.dynamics.conv_layer import integrate_conv
from lavarobust.dynamics.geometry import Convolution
from lavarobust.dynamics.lif import Trajectory, integrate
from lavarobust.dynamics.population import LIF, State
from lavarobust.dynamics.products import conv_sums, dense_sums, wrap
from lavarobust.dynamics.ruled import integrate_by
from lavarobust.dynamics.rules import (
    Analog,
    Averaged,
    GradientRule,
    PotentialDependent,
    RateGradient,
    RateMask,
    WindowRule,
)
from lavarobust.dynamics.sharpness import AdaptiveSharpness
from lavarobust.dynamics.surrogate import SURROGATES, Surrogate, straight_through

__all__ = [
    "LIF",
    "SURROGATES",
    "AdaptiveSharpness",
    "Analog",
    "Averaged",
    "Convolution",
    "GradientRule",
    "PotentialDependent",
    "RateGradient",
    "RateMask",
    "State",
    "Surrogate",
    "Trajectory",
    "WindowRule",
    "conv_sums",
    "dense_sums",
    "integrate",
    "integrate_by",
    "integrate_conv",
    "straight_through",
    "wrap",
]
