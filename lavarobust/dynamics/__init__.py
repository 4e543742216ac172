"""The integer neurons and their surrogate gradients: one definition for training, simulation and attack."""

from lavarobust.dynamics.lif import LIF, State, Trajectory, integrate
from lavarobust.dynamics.products import exact_conv2d
from lavarobust.dynamics.surrogate import SURROGATES, Surrogate

__all__ = ["LIF", "SURROGATES", "State", "Surrogate", "Trajectory", "exact_conv2d", "integrate"]
