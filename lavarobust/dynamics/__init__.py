"""The integer neurons and their surrogate gradients: one definition for training, simulation and attack."""

from lavarobust.dynamics.conv_layer import integrate_conv
from lavarobust.dynamics.geometry import Convolution
from lavarobust.dynamics.lif import Trajectory, integrate
from lavarobust.dynamics.population import LIF, State
from lavarobust.dynamics.products import conv_sums, dense_sums, wrap
from lavarobust.dynamics.surrogate import SURROGATES, Surrogate

__all__ = [
    "LIF",
    "SURROGATES",
    "Convolution",
    "State",
    "Surrogate",
    "Trajectory",
    "conv_sums",
    "dense_sums",
    "integrate",
    "integrate_conv",
    "wrap",
]
